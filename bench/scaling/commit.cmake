# cmake -DSOURCE_DIR=... -DHEADER=... -P commit.cmake
#
# Writes the commit of SOURCE_DIR into HEADER, with a + behind it if there are changes; an empty one if git does not know.
# An equal header is left alone, so that nothing is compiled anew.
cmake_minimum_required(VERSION 3.25)
set(commit "")
find_program(GIT git)
if(GIT)
  execute_process(COMMAND "${GIT}" -C "${SOURCE_DIR}" rev-parse --short=12 HEAD
                  OUTPUT_VARIABLE commit ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  execute_process(COMMAND "${GIT}" -C "${SOURCE_DIR}" diff-index --quiet HEAD -- RESULT_VARIABLE changed ERROR_QUIET)
  if(commit AND changed)
    string(APPEND commit "+")
  endif()
endif()
file(CONFIGURE OUTPUT "${HEADER}" CONTENT "#pragma once\n\n#define LOCUM_COMMIT \"@commit@\"\n" @ONLY)
