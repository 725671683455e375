"""What the lint checks share: the files under version control and the list of exceptions."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def files(*patterns):
    """Tracked files, and new ones that are not ignored, as paths relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(p for p in set(listed.splitlines()) if (ROOT / p).is_file())


def exceptions(check):
    """Places that the list excuses from one check."""
    found = set()
    for line in (ROOT / "tests/lint/exceptions.txt").read_text().splitlines():
        words = line.split(None, 2)
        if len(words) == 3 and words[0] == check:
            found.add(words[1])
    return found


def finish(offenders):
    """Prints the offenders; the exit status of the check."""
    for offender in offenders:
        print(offender)
    return 1 if offenders else 0
