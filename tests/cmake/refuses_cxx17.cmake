# cmake -DCOMPILER=... -DFLAGS=... -DWORK_DIR=... -P refuses_cxx17.cmake
#
# Compiling <locum/locum.hpp>, found by FLAGS, as C++17 must fail with one error, which says what to do.
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")
file(WRITE "${WORK_DIR}/includes.cpp" "#include <locum/locum.hpp>\n")
execute_process(COMMAND "${COMPILER}" -std=c++17 -fsyntax-only ${FLAGS} "${WORK_DIR}/includes.cpp"
                OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
message("${output}")
string(REGEX MATCHALL "error:" errors "${output}")
list(LENGTH errors count)
if(status EQUAL 0 OR NOT count EQUAL 1 OR NOT output MATCHES "compile with -std=c\\+\\+20")
  message(FATAL_ERROR "compiled as C++17: status ${status}, ${count} errors")
endif()
