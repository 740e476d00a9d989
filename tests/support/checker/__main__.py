"""``python -m tests.support.checker --share N``: check one share once; exit 1 and say what is wrong if anything is."""

import argparse
import os
import sys

from tests.support.checker import Checker


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.support.checker", description=__doc__)
    parser.add_argument("--share", type=int, required=True, help="share_id in the catalogue")
    parser.add_argument("--postgres", default=os.environ.get("AFB_POSTGRES_URL"), help="default: AFB_POSTGRES_URL")
    parser.add_argument("--vault", default=os.environ.get("AFB_VAULT_CONNECTION"), help="default: AFB_VAULT_CONNECTION")
    given = parser.parse_args()
    if not given.postgres or not given.vault:
        parser.error("--postgres and --vault, or AFB_POSTGRES_URL and AFB_VAULT_CONNECTION, are needed")
    checker = Checker(given.postgres, given.vault, given.share)
    problems = checker.check()
    for problem in problems:
        print(problem)
    print(f"{len(checker.trees)} restore points, {len(problems)} problems", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
