# HDF5 itself is found for checkpoints, too: LOCUM_WITH_HDF5 is an option of the project.
locum_backend(hdf5 URL hdf5:///scratch/results.h5 STABILITY preview TOGETHER NEEDS HDF5
  SOURCES hdf5/backend.cpp hdf5/record_dataset.cpp hdf5/record_links.cpp hdf5/store_file.cpp)
