# Enables C, for programs in C of this project; the library itself has none. By the compiler of C that belongs to that of C++: sanitizers of two
# compilers do not fit.
if(NOT CMAKE_C_COMPILER)
  string(REGEX REPLACE "clang\\+\\+([^/]*)$" "clang\\1" compiler "${CMAKE_CXX_COMPILER}")
  string(REGEX REPLACE "g\\+\\+([^/]*)$" "gcc\\1" compiler "${compiler}")
  string(REGEX REPLACE "c\\+\\+$" "cc" compiler "${compiler}")
  set(CMAKE_C_COMPILER "${compiler}")
endif()
enable_language(C)
