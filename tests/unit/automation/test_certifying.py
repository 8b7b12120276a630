"""First words of the certificate; its promises are proven by simulation beside this."""

import numpy as np

from adjudge.automation.betting import Epoch
from adjudge.automation.certifying import Licence, NotEnough, certify, choose_start
from adjudge.automation.samples import Audit, Role, Sample, grid_of
from adjudge.automation.watching import Watch


def a_sample(rng, size, risk=0.004):
    scores = rng.random(size)
    return Sample.columns(scores, rng.random(size) < risk + 0.3 * (scores < 0.3), rng.random(size) < 0.8)


def test_a_good_model_is_licensed_and_a_bad_one_is_told_why():
    rng = np.random.default_rng(1)

    good = certify(a_sample(rng, 5000), target=0.01, delta=0.1)
    bad = certify(a_sample(rng, 5000, risk=0.05), target=0.01, delta=0.1)
    thin = certify(a_sample(rng, 100), target=0.01, delta=0.1, audits_per_day=20)

    assert isinstance(good, Licence), good
    assert good.upper_bound < 0.01
    assert isinstance(bad, NotEnough)
    assert isinstance(thin, NotEnough)
    assert thin.more_audits > 200
    assert thin.days == thin.more_audits / 20


def test_an_epoch_licenses_as_audits_come():
    rng = np.random.default_rng(2)
    sample = a_sample(rng, 5000)
    grid = grid_of(sample.part(Role.CALIBRATE).scores)
    start = choose_start(sample.part(Role.CALIBRATE), grid, target=0.01, delta=0.1, certify_audits=4000)
    epoch = Epoch.begin(target=0.01, delta=0.1, grid=grid, start=start)
    audits = [
        Audit(number=i, score=s, wrong=bool(w), role=Role.CERTIFY if c else Role.CALIBRATE)
        for i, (s, w, c) in enumerate(zip(sample.scores, sample.wrong, sample.certifies, strict=True))
    ]
    epoch, verdict = epoch.after(audits[:100]).look()
    assert isinstance(verdict, NotEnough)
    epoch, verdict = epoch.after(audits[100:]).look()
    assert isinstance(verdict, Licence)


def test_a_watch_alarms():
    watch = Watch.begin(target=0.01)
    for i in range(400):
        watch = watch.after(i % 10 == 0)
    assert watch.alarmed
