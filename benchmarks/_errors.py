"""The one way in which moa refuses an input."""


class BadInput(Exception):
    """An input that cannot be used: what is wrong, why it matters, what to type instead.

    Shown as three lines, exit code 2.
    """

    def __init__(self, what: str, why: str, fix: str):
        super().__init__(what, why, fix)
        self.what, self.why, self.fix = what, why, fix

    def __str__(self) -> str:
        return f"{self.what}\n{self.why}\n{self.fix}"


class NotPermitted(BadInput):
    """What the system does not let us read or write. It is not damaged: nothing may be made anew in its place."""


def not_permitted(path: object) -> NotPermitted:
    """The refusal for a file or folder that the system denies us."""
    return NotPermitted(
        f"there is no permission for {path}",
        "it belongs to another user, or its mode keeps us out; what is in it may be as good as ever",
        "mend the permissions, or ask its owner",
    )
