locum_format(npz ENDINGS .npz NEEDS ZLIB)
