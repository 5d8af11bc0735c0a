# cmake -DVARIANT=install|find_package|serial|add_subdirectory|pkg_config -D... -P consumer.cmake
#
# Uses locum like another project: the project in tests/consumer is configured, built and run in WORK_DIR against the tree that
# was installed from BUILD_DIR, or with the sources in SOURCE_DIR as a subdirectory (there with shared libraries, so that they are
# built once, too, and not optimised, which takes half as long). COMPILER, FLAGS, LAUNCHER, BUILD_TYPE, OPTIONS are those of the
# build under test. RUN starts a program with its ranks. With MPI the program is the one in the README, and every rank must print
# what the README says.
set(prefix "${WORK_DIR}/installed")
set(build "${WORK_DIR}/${VARIANT}")

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

if(RUN)
  set(program "${WORK_DIR}/readme.cpp")
  set(expected "rank 0 sees 300 K\n" "rank 1 sees 300 K\n")
  file(READ "${SOURCE_DIR}/README.md" readme)
  if(NOT readme MATCHES "```cpp\n(#include <locum/locum.hpp>[^`]*)```")
    message(FATAL_ERROR "the README has no program")
  endif()
  file(CONFIGURE OUTPUT "${program}" CONTENT "${CMAKE_MATCH_1}" @ONLY)
else()
  set(program "${SOURCE_DIR}/tests/consumer/version.cpp")
  set(expected "locum [0-9]+")
endif()

set(configure "${CMAKE_COMMAND}" -G Ninja -S "${SOURCE_DIR}/tests/consumer" -B "${build}" "-DPROGRAM=${program}"
    "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}" "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}"
    "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")

function(run_consumer)
  execute_process(COMMAND ${RUN} "${build}/consumer" OUTPUT_VARIABLE output ECHO_OUTPUT_VARIABLE COMMAND_ECHO STDOUT
                  COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE "\r" "" output "${output}")  # from the terminals that Open MPI gives the ranks
  foreach(pattern IN LISTS expected)
    if(NOT output MATCHES "${pattern}")
      message(FATAL_ERROR "did not print: ${pattern}")
    endif()
  endforeach()
endfunction()

if(VARIANT STREQUAL "install")
  file(REMOVE_RECURSE "${prefix}")
  run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${prefix}")
  file(GLOB_RECURSE headers "${prefix}/include/*.hpp")
  list(LENGTH headers count)
  if(count LESS 30)
    message(FATAL_ERROR "${count} headers are installed")
  endif()
  foreach(header IN LISTS headers)
    if(IS_SYMLINK "${header}")
      message(FATAL_ERROR "${header} is installed as a link: it is gone with the sources")
    endif()
  endforeach()
elseif(VARIANT STREQUAL "find_package")
  file(REMOVE_RECURSE "${build}")
  run(${configure} "-DCMAKE_PREFIX_PATH=${prefix}")
  run("${CMAKE_COMMAND}" --build "${build}" --parallel 2)
  run_consumer()
elseif(VARIANT STREQUAL "serial")
  set(RUN "")
  set(expected "locum without MPI: 10")
  file(REMOVE_RECURSE "${build}")
  run(${configure} "-DCMAKE_PREFIX_PATH=${prefix}" -DSERIAL=ON "-DPROGRAM=${SOURCE_DIR}/tests/consumer/serial.cpp"
    -DCMAKE_DISABLE_FIND_PACKAGE_MPI=ON)
  run("${CMAKE_COMMAND}" --build "${build}")
  run_consumer()
  execute_process(COMMAND ldd "${build}/consumer" OUTPUT_VARIABLE libraries COMMAND_ERROR_IS_FATAL ANY)
  if(libraries MATCHES "libmpi|libuc[pts]")
    message(FATAL_ERROR "a program that links locum::serial needs MPI or UCX: ${libraries}")
  endif()
elseif(VARIANT STREQUAL "add_subdirectory")
  run(${configure} "-DLOCUM_SOURCE_DIR=${SOURCE_DIR}" -DBUILD_SHARED_LIBS=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 ${OPTIONS})
  run("${CMAKE_COMMAND}" --build "${build}" --parallel 2)
  run_consumer()
elseif(VARIANT STREQUAL "pkg_config")
  file(MAKE_DIRECTORY "${build}")
  set(ENV{PKG_CONFIG_PATH} "${prefix}/${LIBDIR}/pkgconfig")
  execute_process(COMMAND "${PKG_CONFIG}" --cflags --libs locum OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${FLAGS} ${flags}")
  run("${COMPILER}" -std=c++20 "${program}" -o "${build}/consumer" ${flags})
  run_consumer()
  list(FILTER flags INCLUDE REGEX "^-[ID]")
  list(JOIN flags " " flags)
  run("${CMAKE_COMMAND}" "-DCOMPILER=${COMPILER}" "-DFLAGS=${flags}" "-DWORK_DIR=${build}/cxx17"
    -P "${SOURCE_DIR}/tests/cmake/refuses_cxx17.cmake")
else()
  message(FATAL_ERROR "VARIANT '${VARIANT}'")
endif()
