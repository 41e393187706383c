#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Print the keys of the points of ./vm bench."""

import argparse

import plan


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--part", choices=("native", "bar"), required=True)
    args = parser.parse_args()
    for point in plan.points(args.part, plan.effort_of(args.quick, False), args.only):
        print(f"{args.part:7} {point.key:36} {' '.join(point.contenders)}")


if __name__ == "__main__":
    main()
