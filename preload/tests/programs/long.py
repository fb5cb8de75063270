"""Many kinds of objects, threads, processes and libraries; the output is always the same."""
import collections
import hashlib
import json
import multiprocessing
import random
import re
import sqlite3
import subprocess
import sys
import threading
import zlib

random.seed(7)


def words(count):
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(random.choices(letters, k=random.randint(1, 12))) for _ in range(count)]


def structures():
    text = words(60000)
    counts = collections.Counter(text)
    groups = collections.defaultdict(list)
    for word in text:
        groups[word[0]].append(word)
    dumped = json.dumps(groups)
    assert json.loads(dumped) == groups
    packed = zlib.compress(dumped.encode())
    assert zlib.decompress(packed).decode() == dumped
    tree = None
    for number in range(20000):
        tree = (number, tree)
    while tree is not None:
        tree = tree[1]
    pattern = re.compile(r"\b(\w)(\w*)\1\b")
    found = sum(1 for _ in pattern.finditer(" ".join(text)))
    print(len(counts), found, hashlib.sha256(dumped.encode()).hexdigest())


def database():
    base = sqlite3.connect(":memory:")
    base.execute("create table word (id integer primary key, text, length)")
    base.executemany("insert into word (text, length) values (?, ?)",
                     ((word, len(word)) for word in words(20000)))
    base.execute("create index by_text on word (text)")
    for row in base.execute("select length, count(*), min(text) from word group by length"):
        print(*row)


def work(seed):
    state = random.Random(seed)
    numbers = [state.random() for _ in range(20000)]
    return round(sum(sorted(numbers)[::7]), 6)


def in_threads():
    results = {}

    def run(seed):
        results[seed] = work(seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print([results[seed] for seed in range(8)])


def in_processes():
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print(pool.map(work, range(12)))
    for number in range(5):
        code = f"print(sum(len(str(i)) for i in range({number} * 1000)))"
        print(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)


structures()
database()
in_threads()
in_processes()
big = bytearray(50_000_000)
for end in range(0, len(big), 4096):
    big[end] = end % 251
big.extend(b"x" * 30_000_000)
print(len(big), zlib.crc32(big))
