# needs: python3 /usr/lib/python3.11/test/test_os.py
# seconds: 900
# user: nobody
# trace: folded
# CPython's own regression tests: the verdict on each test case, a list for each module.
for module in fork1 mmap ctypes posix os io signal subprocess threading socket asyncio; do
    timeout 300 python3 -m test --junit-xml "$PWD/xml" test_$module >log 2>&1 || echo "test_$module: status $?"
    python3 - "$module" <<'P' || { echo "test_$module: no verdicts"; tail -n 20 log; }
import sys, xml.etree.ElementTree as tree
verdicts = set()
for case in tree.parse("xml").iter("testcase"):
    kinds = [child.tag for child in case if child.tag in ("skipped", "failure", "error")] or [case.get("result", "run")]
    verdicts.add(f"{case.get('classname') or ''}.{case.get('name')}: {kinds[0]}")
open("test_" + sys.argv[1], "w").write("\n".join(sorted(verdicts)) + "\n")
P
    rm -f xml
done
rm -f log
