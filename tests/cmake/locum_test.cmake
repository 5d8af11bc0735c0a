# The functions that define tests.
#
#   locum_test(core SOURCES a_test.cpp ...)              program core_tests; each TEST is an entry of ctest, core.Suite.Name
#   locum_test(mpi RANKS 1 2 3 SOURCES a_test.cpp ...)   program mpi_tests; entries mpi.ranks_1, mpi.ranks_2, mpi.ranks_3
#
# The first argument names the program and the entries. Optional:
#   ENTRIES name          what the entries are called, if not like the program
#   LINK library ...      further libraries
#   SANITIZERS s ...      address, thread: those for which it is built, or none; without this, all. Each path is seen by each once: not
#                         for thread where one thread at a time runs, and for none what dies or is about the build
#   ROOM folder           the library's folder under test, if the name is not that of a folder
#   ENVIRONMENT A=B ...   for the program
#   THREAD_LEVELS l ...   further entries, mpi.single.ranks_3: the same with no more than this thread level of MPI
#   NODES_OF k:n ...      further entries, mpi.nodes_of_k.ranks_n: the same with the machine split by LOCUM_RANKS_PER_NODE=k;
#                         k:n:tcp: the nodes reach each other by TCP only; k:n:ucx:serialized: with no more than this thread level
#   OWN_MAIN              the sources have their own main(): for tests before MPI_Init, after MPI_Finalize, or of a job
#                         that dies. Without RANKS such a program is one entry, named like the first argument.
#   SERIAL                each TEST runs alone, also if ctest runs several at a time: it uses something that all share
#   COMPUTES              it computes for longer than it takes to compile, and so is slightly optimised
#   MEASURES              it counts or measures the library's work: compiled with users' options, and not for a sanitizer
#   DIES_WITH regex ...   the program must end with an error and must have printed a line for each of these

set(LOCUM_SANITIZER "")
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=(address|thread)")
  set(LOCUM_SANITIZER ${CMAKE_MATCH_1})
endif()

file(STRINGS "${PROJECT_SOURCE_DIR}/tests/mpi.env" LOCUM_MPI_ENVIRONMENT REGEX "^[A-Z]")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/mpi.env")
# Leaks of foreign libraries are recognised by their frames (tests/lsan.supp), but these libraries keep no frame pointers:
# programs with such libraries unwind stacks in the slow way. Thread-local variables of these libraries are ignored: LeakSanitizer
# guesses the place of their block from the bytes before it (clang 16), and sometimes crashes there.
if(LOCUM_SANITIZER STREQUAL "address")
  set(LOCUM_FOREIGN_STACKS "ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:intercept_tls_get_addr=0:fast_unwind_on_malloc=0")
endif()
list(APPEND LOCUM_MPI_ENVIRONMENT ${LOCUM_FOREIGN_STACKS} GTEST_COLOR=no)  # Open MPI gives each rank a terminal of its own, and so colours

# Options for test programs. They are half of all code, and compiling a source mostly means compiling common headers and
# optimising: sixteen sources at a time, not optimised, take a sixth of the time; what they test is optimised in the library. Warnings
# of a local name that equals another source's constant are meaningless then. MEASURES: users' options.
option(LOCUM_UNITY_TESTS "Compile several sources of a test program at a time; OFF for work on a single one" ON)
# A process costs a tenth of a second, or a third with a sanitizer: more than most of the three thousand tests.
set(LOCUM_TEST_SHARDS 0 CACHE STRING "Run each test program in so many processes; 0: each test in one of its own")
set(LOCUM_TEST_OPTIONS "-O0" CACHE STRING "Compile options of tests that measure nothing, after all others")
function(locum_test_options program)
  locum_compile_options(${program})
  if(NOT MEASURES IN_LIST ARGN)
    target_compile_options(${program} PRIVATE ${LOCUM_TEST_OPTIONS})
  endif()
  if(COMPUTES IN_LIST ARGN AND NOT LOCUM_PRECOMPILE)  # clang's precompiled headers are for one level only
    target_compile_options(${program} PRIVATE -O1)
  endif()
  if(LOCUM_UNITY_TESTS)
    set_target_properties(${program} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
    target_compile_options(${program} PRIVATE -Wno-shadow)
  endif()
  if(LOCUM_PRECOMPILE AND NOT MEASURES IN_LIST ARGN AND NOT program STREQUAL "locum_test_headers")
    target_precompile_headers(${program} REUSE_FROM locum_test_headers)
  endif()
endfunction()

if(LOCUM_PRECOMPILE)
  file(CONFIGURE OUTPUT test_headers.cpp CONTENT "// Only what is read before it.\n")
  add_library(locum_test_headers OBJECT "${CMAKE_CURRENT_BINARY_DIR}/test_headers.cpp")
  locum_test_options(locum_test_headers)
  target_precompile_headers(locum_test_headers PRIVATE ${LOCUM_PRECOMPILED} <gtest/gtest.h>)
  target_link_libraries(locum_test_headers PRIVATE locum::core GTest::gtest rapidcheck rapidcheck_gtest)
endif()

# An entry of ctest that runs COMMAND, with the properties in the caller's TEST_* variables. LOCUM_TEST_RANKS: a launcher that does not
# fit the MPI starts so many jobs of one rank, in which most tests would pass.
# No entry has a time limit of its own: what is quick here takes ten times as long on a busy machine. CMakePresets.json has one for all,
# which ends what hangs, also what waits for the ten minutes of collective_timeout where it is to notice a loss at once. Ranks mostly wait
# for each other: a job counts as two processors, of the four that tests/run has.
function(locum_test_entry name ranks)
  set(command ${ARGN})
  set(processors ${ranks})
  if(ranks GREATER 2)
    set(processors 2)
  endif()
  if(TEST_DIES_WITH)
    set(command sh "${PROJECT_SOURCE_DIR}/tests/cmake/dies_with.sh" ${TEST_DIES_WITH} -- ${command})
  endif()
  add_test(NAME ${name} COMMAND ${command})
  set_tests_properties(${name} PROPERTIES PROCESSORS ${processors}
                       ENVIRONMENT "LOCUM_TEST_RANKS=${ranks};${LOCUM_MPI_ENVIRONMENT};${TEST_ENVIRONMENT}")
endfunction()

# A program that scripts start, and no entry by itself: NAME_tests of NAME_test.cpp, with further libraries.
function(locum_test_program name)
  add_executable(${name}_tests ${name}_test.cpp)
  locum_test_options(${name}_tests)
  target_link_libraries(${name}_tests PRIVATE ${ARGN} locum::mpi)
endfunction()

# The tests of one program as LOCUM_TEST_SHARDS entries, each of which runs its part of them in one process.
function(locum_test_shards name)
  math(EXPR last "${LOCUM_TEST_SHARDS} - 1")
  foreach(shard RANGE ${last})
    add_test(NAME ${name}.shard_${shard} COMMAND ${name}_tests)
    set_tests_properties(${name}.shard_${shard} PROPERTIES RUN_SERIAL ${TEST_SERIAL}
      ENVIRONMENT "GTEST_BRIEF=1;GTEST_TOTAL_SHARDS=${LOCUM_TEST_SHARDS};GTEST_SHARD_INDEX=${shard};${TEST_ENVIRONMENT}")
  endforeach()
endfunction()

function(locum_test name)
  cmake_parse_arguments(PARSE_ARGV 1 TEST "OWN_MAIN;SERIAL;COMPUTES;MEASURES" "ROOM;ENTRIES" "SANITIZERS;LINK;RANKS;SOURCES;ENVIRONMENT;THREAD_LEVELS;NODES_OF;DIES_WITH")
  if(NOT TEST_ROOM)
    set(TEST_ROOM ${name})
  endif()
  set(has_ranks FALSE)
  if(TEST_RANKS OR TEST_NODES_OF)
    set(has_ranks TRUE)
  endif()
  if(NOT TEST_ENTRIES)
    set(TEST_ENTRIES ${name})
  endif()

  if(TEST_MEASURES)  # to what the library does a sanitizer adds what it does itself
    set(TEST_SANITIZERS none)
  endif()
  if(LOCUM_SANITIZER AND TEST_SANITIZERS AND NOT LOCUM_SANITIZER IN_LIST TEST_SANITIZERS)
    return()
  endif()
  # Clang's ThreadSanitizer has its own operator new, which excludes any other.
  if(LOCUM_SANITIZER STREQUAL "thread" AND TEST_SOURCES MATCHES "operator_new\\.cpp")
    message(STATUS "locum: no ${name} tests: they have an operator new, as ThreadSanitizer has")
    return()
  endif()

  set(program ${name}_tests)
  add_executable(${program} ${TEST_SOURCES})
  if(TEST_MEASURES)
    locum_test_options(${program} MEASURES)
  elseif(TEST_COMPUTES)
    locum_test_options(${program} COMPUTES)
  else()
    locum_test_options(${program})
  endif()
  target_link_libraries(${program} PRIVATE ${TEST_LINK} locum::${TEST_ROOM} GTest::gtest rapidcheck rapidcheck_gtest)
  if(has_ranks)
    target_link_libraries(${program} PRIVATE MPI::MPI_CXX)
  endif()

  if(NOT TEST_OWN_MAIN AND has_ranks)
    target_sources(${program} PRIVATE "${PROJECT_SOURCE_DIR}/tests/mpi/gtest_main.cpp")
  elseif(NOT TEST_OWN_MAIN)
    target_link_libraries(${program} PRIVATE GTest::gtest_main)
    if(LOCUM_TEST_SHARDS)
      locum_test_shards(${name})
    else()
      gtest_discover_tests(${program} TEST_PREFIX "${TEST_ENTRIES}." DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                           PROPERTIES ENVIRONMENT "${TEST_ENVIRONMENT}" RUN_SERIAL ${TEST_SERIAL})
    endif()
  elseif(NOT has_ranks)
    locum_test_entry(${name} 1 $<TARGET_FILE:${program}>)
  endif()

  set(mpiexec ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG})
  foreach(ranks IN LISTS TEST_RANKS)
    locum_test_entry(${name}.ranks_${ranks} ${ranks} ${mpiexec} ${ranks} $<TARGET_FILE:${program}>)
  endforeach()
  foreach(split IN LISTS TEST_NODES_OF)
    string(REPLACE ":" ";" split "${split}")
    list(POP_FRONT split per_node ranks lanes level)
    set(TEST_ENVIRONMENT "LOCUM_RANKS_PER_NODE=${per_node}")
    set(kind nodes_of_${per_node})
    if(level)
      list(APPEND TEST_ENVIRONMENT "LOCUM_TEST_THREAD_LEVEL=${level}")
      string(PREPEND kind "${level}.")
    endif()
    if(lanes STREQUAL "tcp")
      list(APPEND TEST_ENVIRONMENT "UCX_TLS=tcp,self")
      string(PREPEND kind "tcp.")
    elseif(lanes STREQUAL "mpi")
      list(APPEND TEST_ENVIRONMENT "LOCUM_TRANSPORT=mpi")
      string(PREPEND kind "mpi.")
    endif()
    locum_test_entry(${name}.${kind}.ranks_${ranks} ${ranks} ${mpiexec} ${ranks} $<TARGET_FILE:${program}>)
  endforeach()
  foreach(level IN LISTS TEST_THREAD_LEVELS)
    set(TEST_ENVIRONMENT "LOCUM_TEST_THREAD_LEVEL=${level}")
    locum_test_entry(${name}.${level}.ranks_3 3 ${mpiexec} 3 $<TARGET_FILE:${program}>)
  endforeach()
endfunction()
