"""Checks the formats of text against Python: text_check.py csv|json|msgpack FOLDER.

FOLDER has bits.bin (doubles) and ours.FORMAT, which holds them. Writes theirs.FORMAT with the same numbers;
for csv also decimals.csv, and decimals.bin with what float() makes of these.
"""

import csv
import json
import os
import random
import struct
import sys
from array import array


def doubles(path):
    numbers = array('d')
    with open(path, 'rb') as file:
        numbers.frombytes(file.read())
    return numbers


def check(ours, numbers, who):
    """Fails unless all bits are the same; a NaN is like any other."""
    assert len(ours) == len(numbers), f'{who}: {len(ours)} numbers instead of {len(numbers)}'
    for at, (a, b) in enumerate(zip(ours, numbers)):
        same = struct.pack('d', a) == struct.pack('d', b) or (a != a and b != b)
        assert same, f'{who}: number {at} is {a!r} instead of {b!r}'


def decimal(draw):
    digits = ''.join(draw.choice('0123456789') for _ in range(draw.choice([1, 2, 5, 15, 16, 17, 18, 19, 20, 25, 60])))
    point = draw.randrange(len(digits) + 1)
    text = draw.choice(['', '-', '+']) + digits[:point] + '.' + digits[point:]
    return text + draw.choice(['', '', f'e{draw.randrange(-30, 30)}', f'E{draw.randrange(-345, 330):+d}'])


def check_csv(folder, numbers):
    import pandas
    path = os.path.join(folder, 'ours.csv')
    with open(path, newline='') as file:
        rows = list(csv.reader(file))
    assert rows[0] == ['x', 'y']
    check([float(row[0]) for row in rows[1:]], numbers, 'float()')
    table = pandas.read_csv(path, float_precision='round_trip')
    check(table['y'].to_numpy(), numbers, 'pandas')
    with open(os.path.join(folder, 'theirs.csv'), 'w') as file:
        file.write('x\n' + ''.join(f'{number!r}\n' for number in numbers))
    draw = random.Random(3)
    texts = [decimal(draw) for _ in range(30000)]
    # Halves between two doubles, and their neighbours.
    for _ in range(2000):
        number = (2 ** 53 + draw.randrange(2 ** 53)) * 2 + 1
        texts += [f'{number}.0', f'{number}.{"0" * 40}1', f'{number - 1}.{"9" * 40}', f'{number}e-300']
    with open(os.path.join(folder, 'decimals.csv'), 'w') as file:
        file.write('x\n' + '\n'.join(texts) + '\n')
    with open(os.path.join(folder, 'decimals.bin'), 'wb') as file:
        array('d', map(float, texts)).tofile(file)


def check_json(folder, numbers):
    with open(os.path.join(folder, 'ours.json'), encoding='utf-8') as file:
        ours = json.load(file)
    check(ours['list'], numbers, 'json')
    check([number for row in ours['array'] for number in row], numbers, 'json, array')
    assert all(isinstance(number, float) for number in ours['list'])
    assert ours['text'] == '"\\/\b\f\n\r\t\x01é€𝄞\x7f', ours['text']
    assert ours['integers'] == [0, -1, 2 ** 64 - 1, -2 ** 63]
    assert list(ours) == ['list', 'array', 'text', 'integers', 'null', 'truths']
    assert ours['null'] is None and ours['truths'] == [True, False]
    ours['list'] = list(numbers)
    with open(os.path.join(folder, 'theirs.json'), 'w') as file:
        json.dump(ours, file, indent=1)


def check_msgpack(folder, numbers):
    import msgpack
    import msgpack_numpy
    import numpy
    with open(os.path.join(folder, 'ours.msgpack'), 'rb') as file:
        ours = msgpack.unpackb(file.read(), object_hook=msgpack_numpy.decode, strict_map_key=False)
    check(ours['list'], numbers, 'msgpack')
    assert ours['array'].dtype == numpy.dtype('<f8') and ours['array'].shape == (2, len(numbers) // 2)
    check(ours['array'].reshape(-1), numbers, 'msgpack, array')
    assert ours['integers'] == [0, 127, 128, 2 ** 64 - 1, -32, -33, -129, -2 ** 63, 65536]
    assert ours['bytes'] == b'\x00\xff' and ours['text'] == 'é' * 300 and ours['null'] is None
    assert ours['complex'] == 1 - 2j and ours['truths'].dtype == bool and ours['scalar'].shape == ()
    theirs = {
        'list': list(numbers),
        'array': numpy.array(numbers).reshape(2, -1),
        'fortran': numpy.asfortranarray(numpy.arange(6, dtype='>i4').reshape(2, 3)),
        'complex': 1.5 - 2j,
        'number': numpy.float32(0.1),
        'integers': ours['integers'],
        'single': numpy.array([1.5, 2.5], dtype='f4'),
        'complexes': numpy.array([1 + 2j], dtype='c16'),
        'truth': numpy.bool_(True),
        'text': 'x' * 40,
        'bytes': b'\x01',
    }
    with open(os.path.join(folder, 'theirs.msgpack'), 'wb') as file:
        file.write(msgpack.packb(theirs, default=msgpack_numpy.encode))


if __name__ == '__main__':
    task, place = sys.argv[1:]
    {'csv': check_csv, 'json': check_json, 'msgpack': check_msgpack}[task](place, doubles(os.path.join(place, 'bits.bin')))
