# LAMMPS as a library: the imported target LAMMPS::library. The package configuration that Debian's liblammps-dev brings ends with an
# error where the program lmp is not installed, too, which is in another package.
find_path(LAMMPS_INCLUDE_DIR lammps/library.h)
find_library(LAMMPS_LIBRARY lammps)
mark_as_advanced(LAMMPS_INCLUDE_DIR LAMMPS_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LAMMPS REQUIRED_VARS LAMMPS_LIBRARY LAMMPS_INCLUDE_DIR)
if(LAMMPS_FOUND AND NOT TARGET LAMMPS::library)
  add_library(LAMMPS::library UNKNOWN IMPORTED)
  set_target_properties(LAMMPS::library PROPERTIES
    IMPORTED_LOCATION "${LAMMPS_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${LAMMPS_INCLUDE_DIR}"
    INTERFACE_COMPILE_DEFINITIONS LAMMPS_LIB_MPI)
endif()
