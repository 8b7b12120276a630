"""The retail pack: question types, evidence and demo of checkout-free stores."""

