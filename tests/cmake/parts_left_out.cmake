# cmake -DSOURCE_DIR=... -DWORK_DIR=... -DGENERATOR=... -DCOMPILER=... -DOPTIONS=... -P parts_left_out.cmake
#
# If GoogleTest, RapidCheck, the benchmark library, cairo, libpng, CLI11, LAMMPS or pybind11 are not found, configuring leaves out the parts that
# need them and prints that; if such a part was requested by its option, it is an error. BUILD_TESTING=OFF leaves the tests out,
# too.
function(configure variant)
  file(REMOVE_RECURSE "${WORK_DIR}/${variant}")
  execute_process(COMMAND "${CMAKE_COMMAND}" -G "${GENERATOR}" -S "${SOURCE_DIR}" -B "${WORK_DIR}/${variant}"
                          "-DCMAKE_CXX_COMPILER=${COMPILER}" ${OPTIONS} ${ARGN}
                  OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
  message("==== ${variant}: status ${status}\n${output}")
  set(output "${output}" PARENT_SCOPE)
  set(status "${status}" PARENT_SCOPE)
endfunction()

function(expect_tests wanted)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "could not be configured")
  endif()
  if(EXISTS "${WORK_DIR}/${ARGV1}/CTestTestfile.cmake")
    set(found ON)
  else()
    set(found OFF)
  endif()
  if(NOT found STREQUAL wanted)
    message(FATAL_ERROR "tests: ${found} and not ${wanted}")
  endif()
endfunction()

set(hidden "")
foreach(package GTest rapidcheck benchmark Cairo PNG CLI11 pybind11)
  list(APPEND hidden -DCMAKE_DISABLE_FIND_PACKAGE_${package}=ON)
endforeach()
set(without_others -DLOCUM_BUILD_BENCH=OFF -DLOCUM_BUILD_JOBS=OFF -DLOCUM_WITH_PYTHON=OFF)  # looking for Python takes a third of the time

configure(nothing_else ${hidden})
expect_tests(OFF nothing_else)
set(lines "the tests, for want of GTest .package libgtest-dev., rapidcheck .package librapidcheck-dev."
          "the benchmarks, for want of benchmark .package libbenchmark-dev."
          "the Python package, for want of [^\n]*pybind11 .package pybind11-dev.")
if(OPTIONS MATCHES "LOCUM_WITH_MPI=ON")
  list(APPEND lines "the demo and the examples, for want of Cairo .package libcairo2-dev., PNG .package libpng-dev., CLI11 .package libcli11-dev.")
endif()
foreach(line IN LISTS lines)
  if(NOT output MATCHES "left out: ${line}")
    message(FATAL_ERROR "does not say: ${line}")
  endif()
endforeach()

configure(no_testing -DBUILD_TESTING=OFF -DLOCUM_BUILD_BENCH=OFF -DLOCUM_WITH_PYTHON=OFF -DCMAKE_DISABLE_FIND_PACKAGE_LAMMPS=ON)
if(OPTIONS MATCHES "LOCUM_WITH_MPI=ON" AND NOT output MATCHES "left out: (the demo and the examples|jobs/melt), for want of [^\n]*.package lib(cairo2|png|cli11|lammps)-dev.")
  message(FATAL_ERROR "does not say that the job with LAMMPS is left out")
endif()
expect_tests(OFF no_testing)
if(output MATCHES "left out: the tests")
  message(FATAL_ERROR "says that tests are left out that nobody wanted")
endif()

configure(asked_for ${hidden} -DLOCUM_BUILD_TESTS=ON ${without_others})
if(status EQUAL 0)
  message(FATAL_ERROR "tests that were asked for are left out without an error")
endif()
