locum_format(h5 ENDINGS .h5 .hdf5 NEEDS HDF5)
