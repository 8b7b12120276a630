"""The trace: for each division, policy and item what was answered, by whom, and which votes were bought for it."""

from collections.abc import Callable
from typing import Final

import numpy as np

from adjudge.automation.backtesting.policies import Answered
from adjudge.automation.backtesting.running import Half
from adjudge.automation.backtesting.sets import Draw, LabelledSet

HEADER: Final = "repeat,item,half,policy,answer,source,threshold,votes,covered\n"
Write = Callable[[str], object]


class Tracer:
    """Writes rows as they come; keeps none.

    `votes` are numbers of the item's answers in the set, from 0 in the order of the file (of counts: in the order
    of the labels), in the order bought, separated by `;`. `source` is `reviewer` as soon as one was bought, `model`,
    or `none` where nobody answered. `threshold` is empty where nothing was licensed. `covered` is 1 where the promise
    of the policy speaks of the answer.
    """

    def __init__(self, data: LabelledSet, write: Write) -> None:
        self._write, self._rows = write, data.rows
        self._items = [_quoted(item) for item in data.items]
        self._labels = [*(_quoted(label) for label in data.labels), ""]
        write(HEADER)

    def __call__(self, half: Half, draw: Draw, answered: Answered) -> None:
        judged = draw.judged
        threshold = "" if answered.threshold is None else repr(float(answered.threshold))
        middle = f",{half},{_quoted(answered.policy)},"
        bought, answers = answered.bought[judged].tolist(), answered.answer[judged].tolist()
        most = int(max(bought, default=0))
        columns = draw.places[judged, :most].astype(np.int64)
        places = (columns if self._rows is None else np.take_along_axis(self._rows[judged], columns, 1)).tolist()
        items, labels, start = self._items, self._labels, f"{draw.repeat},"
        alone = {True: f",model,{threshold},", False: f",none,{threshold},"}
        marked = {True: ",1\n", False: ",\n"}
        self._write(
            "".join(
                f"{start}{items[item]}{middle}{labels[answer]}"
                + (f",reviewer,{threshold},{';'.join(map(str, asked[:votes]))}" if votes else alone[answer >= 0])
                + marked[is_covered]
                for item, answer, votes, asked, is_covered in zip(
                    judged.tolist(), answers, bought, places, answered.covered[judged].tolist(), strict=True
                )
            )
        )


def _quoted(text: str) -> str:
    if any(letter in text for letter in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
