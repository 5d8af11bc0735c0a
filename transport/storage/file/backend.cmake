locum_backend(file URL file:///scratch/run17 STABILITY stable
  SOURCES file/backend.cpp file/folder_names.cpp file/new_file.cpp file/record_file.cpp file/record_lock.cpp file/root.cpp)
