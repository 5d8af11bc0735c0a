# cmake -DVARIANT=install|find_package|add_subdirectory|pkg_config -D... -P consumer.cmake
#
# What somebody does who uses locum: the project in tests/consumer is configured, built and run in WORK_DIR against the tree
# that was installed from BUILD_DIR, or with the sources in SOURCE_DIR as a subdirectory (there with shared libraries, so
# that they are built once, too). COMPILER, FLAGS, LAUNCHER, BUILD_TYPE, OPTIONS are those of the build under test, RUN is
# what starts a program with its ranks.
set(prefix "${WORK_DIR}/installed")
set(build "${WORK_DIR}/${VARIANT}")
set(common -G Ninja -S "${SOURCE_DIR}/tests/consumer" -B "${build}" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
    "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(build_and_run)
  run("${CMAKE_COMMAND}" --build "${build}" --parallel 2)
  run(${RUN} "${build}/consumer")
endfunction()

if(VARIANT STREQUAL "install")
  file(REMOVE_RECURSE "${prefix}")
  run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${prefix}")
elseif(VARIANT STREQUAL "find_package")
  file(REMOVE_RECURSE "${build}")
  run("${CMAKE_COMMAND}" ${common} "-DCMAKE_PREFIX_PATH=${prefix}")
  build_and_run()
elseif(VARIANT STREQUAL "add_subdirectory")
  run("${CMAKE_COMMAND}" ${common} "-DLOCUM_SOURCE_DIR=${SOURCE_DIR}" -DBUILD_SHARED_LIBS=ON ${OPTIONS})
  build_and_run()
elseif(VARIANT STREQUAL "pkg_config")
  file(MAKE_DIRECTORY "${build}")
  set(ENV{PKG_CONFIG_PATH} "${prefix}/${LIBDIR}/pkgconfig")
  execute_process(COMMAND "${PKG_CONFIG}" --cflags --libs locum OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${FLAGS} ${flags}")
  run("${COMPILER}" -std=c++20 "${SOURCE_DIR}/tests/consumer/main.cpp" -o "${build}/consumer" ${flags})
  run(${RUN} "${build}/consumer")
else()
  message(FATAL_ERROR "VARIANT '${VARIANT}'")
endif()
