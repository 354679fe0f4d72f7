#!/usr/bin/python3.13
import sys

from pip._internal.cli.main import main

sys.exit(main())
