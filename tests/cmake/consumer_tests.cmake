# The entries consumer.*: locum as used by other projects. find_package and pkg_config use what consumer.install installed.
find_program(LOCUM_PKG_CONFIG pkg-config)
set(run "")
if(LOCUM_WITH_MPI)
  string(REGEX REPLACE "(mpi)?(c\\+\\+|cxx|CC)([^/]*)$" "mpicc\\3" LOCUM_MPICC "${MPI_CXX_COMPILER}")
  set(run ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 2)
  if(LOCUM_WITH_FORTRAN)
    find_package(MPI COMPONENTS Fortran)
    if(NOT MPI_Fortran_FOUND)
      message(STATUS "locum: left out of consumer.fortran: programs of an MPI job, for want of an MPI for Fortran")
    endif()
  endif()
endif()

function(consumer_test variant)
  add_test(NAME consumer.${variant}
    COMMAND ${CMAKE_COMMAND} -DVARIANT=${variant} "-DSOURCE_DIR=${PROJECT_SOURCE_DIR}" "-DBUILD_DIR=${PROJECT_BINARY_DIR}"
      "-DWORK_DIR=${PROJECT_BINARY_DIR}/consumer" "-DCOMPILER=${CMAKE_CXX_COMPILER}" "-DFLAGS=${CMAKE_CXX_FLAGS}"
      "-DFORTRAN_COMPILER=${CMAKE_Fortran_COMPILER}"
      "-DLAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}" "-DBUILD_TYPE=${CMAKE_BUILD_TYPE}" "-DRUN=${run}" "-DLIBDIR=${CMAKE_INSTALL_LIBDIR}"
      "-DOPTIONS=-DLOCUM_WITH_SHM=${LOCUM_WITH_SHM};-DLOCUM_WITH_UCX=${LOCUM_WITH_UCX};-DLOCUM_WITH_HDF5=${LOCUM_WITH_HDF5};-DLOCUM_WITH_MPI=${LOCUM_WITH_MPI};-DLOCUM_WITH_FORTRAN=${LOCUM_WITH_FORTRAN}" "-DPKG_CONFIG=${LOCUM_PKG_CONFIG}" "-DMPICC=${LOCUM_MPICC}" "-DMPIFC=$<$<BOOL:${MPI_Fortran_FOUND}>:${MPI_Fortran_COMPILER}>"
      "-DPYTHON=$<$<TARGET_EXISTS:Python3::Interpreter>:$<TARGET_FILE:Python3::Interpreter>>"
      -P "${PROJECT_SOURCE_DIR}/tests/cmake/consumer.cmake")
  set_tests_properties(consumer.${variant} PROPERTIES PROCESSORS 2 ENVIRONMENT "${LOCUM_MPI_ENVIRONMENT}" ${ARGN})
endfunction()

if(LOCUM_WITH_MPI AND LOCUM_BUILD_JOBS AND CMAKE_GENERATOR STREQUAL "Ninja")
  add_test(NAME consumer.install_after_demo
    COMMAND ${CMAKE_COMMAND} "-DSOURCE_DIR=${PROJECT_SOURCE_DIR}" "-DBUILD_DIR=${PROJECT_BINARY_DIR}"
      "-DWORK_DIR=${PROJECT_BINARY_DIR}/install_after_demo" "-DCOMPILER=${CMAKE_CXX_COMPILER}" "-DNINJA=${CMAKE_MAKE_PROGRAM}"
      "-DOPTIONS=-DLOCUM_WITH_UCX=${LOCUM_WITH_UCX};-DLOCUM_WITH_HDF5=${LOCUM_WITH_HDF5}"
      -P "${PROJECT_SOURCE_DIR}/tests/cmake/install_partly.cmake")
endif()
consumer_test(install FIXTURES_SETUP installed_tree)
consumer_test(find_package FIXTURES_REQUIRED installed_tree)
consumer_test(serial FIXTURES_REQUIRED installed_tree)
if(LOCUM_WITH_C)
  consumer_test(c FIXTURES_REQUIRED installed_tree)
endif()
if(TARGET locum_python)
  consumer_test(python FIXTURES_REQUIRED installed_tree)
  consumer_test(venv SKIP_REGULAR_EXPRESSION "skipped for want of")
endif()
if(LOCUM_WITH_FORTRAN)
  consumer_test(fortran FIXTURES_REQUIRED installed_tree)
endif()
consumer_test(add_subdirectory)
if(LOCUM_PKG_CONFIG)
  consumer_test(pkg_config FIXTURES_REQUIRED installed_tree)
endif()
