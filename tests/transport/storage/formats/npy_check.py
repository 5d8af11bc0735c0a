"""Files of NumPy's formats, both ways: npy_test.cpp and npz_test.cpp run it.

usage: npy_check.py write arrays|others|archives… FOLDER    writes files for the tests to load
       npy_check.py read arrays|others|archives… FOLDER     checks the files that the tests saved
"""
import io
import itertools
import os
import sys
import zipfile

import numpy as np

CODES = ['b1', 'i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', 'f4', 'f8', 'c8', 'c16']
SHAPES = ['', '0', '5', '3x4x5', '2x0x3', '1x2x1x3x1x2x1x2']


def pattern(code, shape):
    """Elements whose bytes the tests know: see npy_test.cpp."""
    extents = tuple(int(n) for n in shape.split('x') if n)
    count = int(np.prod(extents, dtype=np.int64))
    dtype = np.dtype('<' + code)
    at = np.arange(count * dtype.itemsize, dtype=np.uint64)
    data = (at * 31 + at // 7 + 7).astype(np.uint8)
    if code == 'b1':
        data &= 1
    return np.frombuffer(data.tobytes(), dtype=dtype).reshape(extents)


def same(a, b):
    return a.dtype.newbyteorder('=') == b.dtype.newbyteorder('=') and a.shape == b.shape and (
        a.astype(a.dtype.newbyteorder('=')).tobytes() == b.astype(b.dtype.newbyteorder('=')).tobytes())


def table(dtype):
    rows = np.zeros(3, dtype=dtype)
    rows['x'] = [0.5, -1.5, 1e300]
    rows['n'] = [[1, 2], [3, 4], [-5, 6]]
    rows['inner']['flag'] = [True, False, True]
    rows['inner']['name'] = ['a', 'bcd', 'é']
    return rows


def write_arrays(folder):
    for code, order, layout, shape in itertools.product(CODES, '<>', 'CF', SHAPES):
        array = pattern(code, shape)
        array = np.array(array.astype(array.dtype.newbyteorder(order)), order=layout)
        np.save(f"{folder}/{code}_{'le' if order == '<' else 'be'}_{layout}_{shape}.npy", array)


def write_others(folder):
    def save(name, array, version=None):
        with open(f'{folder}/{name}.npy', 'wb') as file:
            np.lib.format.write_array(file, np.asanyarray(array), version)

    texts = [['a', 'Grüße', ''], ['日本', '\U0001F600!', 'end']]
    for order in '<>':
        save(f"texts_{'le' if order == '<' else 'be'}", np.array(texts, dtype=order + 'U6'))
    save('texts_fortran', np.asfortranarray(np.array(texts)))
    save('text', np.array('one'))
    save('no_texts', np.zeros((2, 0), dtype='U3'))
    save('bytes', np.array([b'ab\0c', b'x\0', b'', b'12345'], dtype='S5'))
    inner = [('flag', '?'), ('name', '>U3')]
    fields = [('x', '<f8'), ('n', '>i2', (2,)), ('inner', inner)]
    save('fields', table(fields))
    save('fields_aligned', table(np.dtype(fields, align=True)))
    save('fields_fortran', np.asfortranarray(np.tile(table(fields), (2, 1))))
    titled = np.zeros(2, dtype=[(('a title', 'name'), '<i4')])
    titled['name'] = [7, 8]
    save('fields_titled', titled)
    nested = np.zeros(2, dtype=[('points', [('x', '<i2'), ('y', '>i2')], (3,))])
    nested['points']['x'] = [[1, 2, 3], [4, 5, 6]]
    nested['points']['y'] = [[-1, -2, -3], [-4, -5, -6]]
    save('fields_nested', nested)
    save('fields_many', np.zeros(1, dtype=[(f'field_{n:06}', '<f8') for n in range(3000)]))
    named = np.zeros(1, dtype=[('größe', '<f4'), ("it's", '<f4'), ('a\nb', '<f4')])
    save('fields_latin', named)
    named = np.zeros(1, dtype=[('温度', '<f4')])
    save('fields_unicode', named)
    halves = np.arange(65536, dtype='<u2').view('<f2')
    save('half_le', halves)
    save('half_be', halves.astype('>f2'))
    halves.astype('<f4').tofile(f'{folder}/half.raw')
    save('times', np.array(['1970-01-02', 'NaT', '2000-01-01'], dtype='M8[D]'))
    save('spans', np.array([1, -2, 3], dtype='>m8[25s]'))
    np.save(f'{folder}/objects.npy', np.array([{'a': 1}, None], dtype=object), allow_pickle=True)
    np.save(f'{folder}/object_fields.npy', np.zeros(2, dtype=[('o', 'O')]), allow_pickle=True)
    save('void', np.zeros(2, dtype='V3'))
    save('long_double', np.zeros(2, dtype=np.longdouble))
    save('nine', np.zeros((1,) * 9))
    save('version_2', np.arange(4, dtype='<f8'), (2, 0))
    with open(f'{folder}/two.npy', 'wb') as file:
        np.save(file, np.arange(3, dtype='<i4'))
        np.save(file, np.arange(5, dtype='<f8'))


def write_archives(folder):
    arrays = {'T': pattern('f8', '3x4x5'), 'größe': pattern('i4', '5'), 'deep/name': pattern('c16', ''),
              'big': np.arange(60000, dtype='>i8'), 'F': np.asfortranarray(pattern('f4', '3x4x5')),
              'texts': np.array(['ab', 'c'])}
    np.savez(f'{folder}/stored.npz', **arrays)
    np.savez_compressed(f'{folder}/deflated.npz', **arrays)
    np.savez(f'{folder}/empty.npz')
    with zipfile.ZipFile(f'{folder}/mixed.npz', 'w') as archive:
        archive.writestr('notes.txt', 'read me')
        archive.writestr('folder/', '')
        with archive.open('x.npy', 'w') as file:
            np.lib.format.write_array(file, np.arange(3, dtype='<i4'))
        archive.comment = b'a comment of the archive'

    class Unseekable:
        """A file that sizes cannot be put back into: they follow the bytes of a member."""
        def __init__(self, file):
            self.write, self.flush = file.write, file.flush

    with open(f'{folder}/streamed.npz', 'wb') as file:
        with zipfile.ZipFile(Unseekable(file), 'w', zipfile.ZIP_DEFLATED) as archive:
            with archive.open('x.npy', 'w', force_zip64=True) as member:
                np.lib.format.write_array(member, np.arange(3, dtype='<i4'))
            archive.writestr('y.npy', archive_bytes(np.arange(4, dtype='<f4')))
    with zipfile.ZipFile(f'{folder}/bzip2.npz', 'w', zipfile.ZIP_BZIP2) as archive:
        archive.writestr('x.npy', archive_bytes(np.arange(3)))


def archive_bytes(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def read_arrays(folder):
    count = 0
    for name in os.listdir(folder):
        if not name.startswith('saved_'):
            continue
        code, _, layout, shape = name[len('saved_'):-len('.npy')].split('_')
        expected = pattern(code, shape)
        found = np.load(f'{folder}/{name}')
        assert same(found, expected), name
        assert not found.dtype.byteorder == '>', name
        assert found.flags.f_contiguous if layout == 'F' else found.flags.c_contiguous, name
        with open(f'{folder}/{name}', 'rb') as file:
            header = file.read(10)
        assert (header[8] + header[9] * 256 + 10) % 64 == 0, name
        count += 1
    assert count == 2 * len(CODES) * len(SHAPES), count


def read_others(folder):
    def load(name):
        return np.load(f'{folder}/own_{name}.npy', max_header_size=200000)

    texts = load('texts')
    assert texts.dtype == '<U5' and texts.tolist() == [['a', 'Grüße', ''], ['日本', '\U0001F600!', 'end']], texts
    assert load('text').tolist() == 'one' and load('text').shape == ()
    assert load('real').tolist() == 2.5 and load('real').dtype == '<f8'
    assert load('large').tolist() == 2**64 - 1
    assert load('complex').tolist() == 1 - 2j
    assert load('flag').tolist() is True
    assert load('integers').tolist() == [[1, 2, 3], [4, 5, 6]] and load('integers').dtype == '<i8'
    assert load('mixed').tolist() == [1.0, 2.5] and load('nothing').tolist() == []
    assert load('strided').tolist() == [[[23, 21], [17, 15]], [[11, 9], [5, 3]]], load('strided').tolist()
    wide = load('wide')
    assert wide.shape == (3, 100000) and (wide == np.arange(600000).reshape(3, 200000)[:, ::2]).all()
    assert load('letters').tolist() == [b'a', b'b'] and load('octets').tolist() == [1, 255]
    columns = load('columns')
    assert columns.dtype == [('x', '<f8'), ('größe', '<i4', (2,)), ("it's", '<U3')], columns.dtype
    assert columns['x'].tolist() == [0.5, 1.5] and columns['größe'].tolist() == [[1, 2], [3, 4]]
    assert columns["it's"].tolist() == ['abc', 'd']
    assert load('unicode').dtype.names == ('温度',)
    many = load('many')
    assert len(many.dtype.names) == 3000 and many.shape == (2,)


def read_archives(folder):
    for name, method in (('stored', zipfile.ZIP_STORED), ('deflated', zipfile.ZIP_DEFLATED)):
        path = f'{folder}/own_{name}.npz'
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert all(info.compress_type == method for info in archive.infolist())
            assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in archive.infolist())
        arrays = np.load(path)
        assert sorted(arrays.files) == sorted(['T', 'größe', 'deep/name', 'big', 'F', 'texts', 'notes.txt']), arrays.files
        assert same(arrays['T'], pattern('f8', '3x4x5')) and same(arrays['größe'], pattern('i4', '5'))
        assert same(arrays['deep/name'], pattern('c16', '')) and same(arrays['F'], pattern('f4', '3x4x5'))
        assert (arrays['big'] == np.arange(60000)).all() and arrays['texts'].tolist() == ['ab', 'c']
        assert arrays['notes.txt'] == b'read me'
    many = np.load(f'{folder}/own_many.npz')
    assert len(many.files) == 66000 and many['65999'].tolist() == 65999 and many['0'].tolist() == 0
    assert np.load(f'{folder}/own_empty.npz').files == []


if __name__ == '__main__':
    verb, *subjects, place = sys.argv[1:]
    for subject in subjects:
        {'write arrays': write_arrays, 'write others': write_others, 'write archives': write_archives,
         'read arrays': read_arrays, 'read others': read_others,
         'read archives': read_archives}[f'{verb} {subject}'](place)
