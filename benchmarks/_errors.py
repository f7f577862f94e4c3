"""The one way in which moa refuses an input."""


class BadInput(Exception):
    """An input that cannot be used: what is wrong, why it matters, what to type instead. Shown as three lines, exit code 2."""

    def __init__(self, what: str, why: str, fix: str):
        super().__init__(what, why, fix)
        self.what, self.why, self.fix = what, why, fix

    def __str__(self) -> str:
        return f"{self.what}\n{self.why}\n{self.fix}"
