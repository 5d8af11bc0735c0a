# Jobs in which ranks die, or are held up, or have too little of something: what they leave, and what the others then do. Not for
# sanitizers: the same calls are made by ranks that live on, and a process that is killed reports nothing.

locum_test_program(step_files_deaths)
set(endings zarr)
if(LOCUM_WITH_HDF5)
  list(APPEND endings h5)
endif()
foreach(ending IN LISTS endings)
  locum_test_entry(step_files_deaths.${ending} 2 ${CMAKE_COMMAND} -E env "LOCUM_TEST_WITH_UCX=$<$<BOOL:${LOCUM_WITH_UCX}>:1>"
    bash "${CMAKE_CURRENT_SOURCE_DIR}/step_files_deaths.sh"
    ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 2 $<TARGET_FILE:step_files_deaths_tests> ${ending})
endforeach()
if(LOCUM_WITH_HDF5)
  find_program(LOCUM_PYTHON python3 REQUIRED)
  locum_test_entry(damaged_checkpoints 2 ${LOCUM_PYTHON} "${CMAKE_CURRENT_SOURCE_DIR}/damaged_checkpoints.py"
    ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 2 $<TARGET_FILE:checkpoint_restart_tests> $<TARGET_FILE:locum_checkpoint>)
  locum_test_entry(checkpoint_deaths 2 ${CMAKE_COMMAND} -E env "LOCUM_TEST_WITH_UCX=$<$<BOOL:${LOCUM_WITH_UCX}>:1>"
    bash "${CMAKE_CURRENT_SOURCE_DIR}/checkpoint_deaths.sh"
    ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 2 $<TARGET_FILE:checkpoint_restart_tests>)
  locum_test_entry(checkpoint_warned 3 bash "${CMAKE_CURRENT_SOURCE_DIR}/checkpoint_warned.sh"
    ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 3 $<TARGET_FILE:checkpoint_restart_tests>)
  locum_test_program(checkpoint_lost)
  locum_test_entry(checkpoint_lost 4 ${CMAKE_COMMAND} -E env "LOCUM_TEST_WITH_UCX=$<$<BOOL:${LOCUM_WITH_UCX}>:1>"
    bash "${CMAKE_CURRENT_SOURCE_DIR}/checkpoint_lost.sh" $<TARGET_FILE:checkpoint_lost_tests>
    $<TARGET_FILE:checkpoint_restart_tests> ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 4)
  set_tests_properties(checkpoint_lost PROPERTIES SKIP_RETURN_CODE 77)
  locum_test_entry(async_checkpoint_deaths 2 ${CMAKE_COMMAND} -E env "LOCUM_TEST_WITH_UCX=$<$<BOOL:${LOCUM_WITH_UCX}>:1>"
    bash "${CMAKE_CURRENT_SOURCE_DIR}/checkpoint_deaths.sh"
    ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 2 $<TARGET_FILE:checkpoint_restart_tests> repeat_async)
endif()

# Jobs that end abnormally.
locum_test(throwing_rank ROOM mpi OWN_MAIN RANKS 2 3 SOURCES throwing_rank_test.cpp
  DIES_WITH "^locum: rank 1: an exception leaves the scope of a runtime")
locum_test(absent_rank ROOM mpi OWN_MAIN RANKS 3 SOURCES absent_rank_test.cpp
  DIES_WITH "^rank 0: timeout: not all ranks of the communicator have made their runtime in time")
locum_test(killed_job ROOM mpi OWN_MAIN RANKS 3 SOURCES killed_job_test.cpp)
locum_test_entry(killed_job.any_time 3 bash "${CMAKE_CURRENT_SOURCE_DIR}/killed_job.sh" 2026
  ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 3 $<TARGET_FILE:killed_job_tests>)

# Ranks that die while the others continue. Without RANKS the program is not an entry by itself. The whole library with kill
# points is linked, so that nothing of the normal one is.
locum_test_program(dead_rank "$<LINK_LIBRARY:WHOLE_ARCHIVE,locum_shm_killable>")
locum_test_entry(dead_rank 3 ${CMAKE_COMMAND} -E env "LOCUM_TEST_WITH_UCX=$<$<BOOL:${LOCUM_WITH_UCX}>:1>"
  bash "${CMAKE_CURRENT_SOURCE_DIR}/dead_rank.sh"
  ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 3 $<TARGET_FILE:dead_rank_tests>)
set_tests_properties(dead_rank PROPERTIES SKIP_RETURN_CODE 77)

locum_test_program(step_deaths)
locum_test_entry(step_deaths 4 ${CMAKE_COMMAND} -E env "LOCUM_TEST_WITH_UCX=$<$<BOOL:${LOCUM_WITH_UCX}>:1>"
  bash "${CMAKE_CURRENT_SOURCE_DIR}/deaths_at_any_time.sh" 4 4
  ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 4 $<TARGET_FILE:step_deaths_tests>)
set_tests_properties(step_deaths PROPERTIES SKIP_RETURN_CODE 77)

# A producer that is twice as fast as its consumer, and a process beside them that looks at their memory.
locum_test_program(step_policies)
locum_test_entry(step_policies 2 ${CMAKE_COMMAND} -E env "LOCUM_TEST_WITH_UCX=$<$<BOOL:${LOCUM_WITH_UCX}>:1>"
  bash "${CMAKE_CURRENT_SOURCE_DIR}/step_policies.sh"
  ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 2 $<TARGET_FILE:step_policies_tests>)

# On one node only: with several, UCX 1.13 may end a survivor by an assertion of its own (docs/failure.md).
locum_test_program(task_deaths)
locum_test_entry(task_deaths 4 ${CMAKE_COMMAND} -E env "LOCUM_TEST_WITH_UCX=$<$<BOOL:${LOCUM_WITH_UCX}>:1>"
  bash "${CMAKE_CURRENT_SOURCE_DIR}/deaths_at_any_time.sh" 4 0
  ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 4 $<TARGET_FILE:task_deaths_tests>)
set_tests_properties(task_deaths PROPERTIES SKIP_RETURN_CODE 77)

# On one node only, for the same reason.
locum_test_program(spill_deaths)
locum_test_entry(spill_deaths 4 ${CMAKE_COMMAND} -E env "LOCUM_TEST_WITH_UCX=$<$<BOOL:${LOCUM_WITH_UCX}>:1>"
  bash "${CMAKE_CURRENT_SOURCE_DIR}/deaths_at_any_time.sh" 8 0
  ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 4 $<TARGET_FILE:spill_deaths_tests>)
set_tests_properties(spill_deaths PROPERTIES SKIP_RETURN_CODE 77)

# Names that are written back to a folder, on one node.
locum_test_program(tier_deaths)
locum_test_entry(tier_deaths 4 bash "${CMAKE_CURRENT_SOURCE_DIR}/deaths_at_any_time.sh" also_all 2 0
  ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 4 $<TARGET_FILE:tier_deaths_tests>)
set_tests_properties(tier_deaths PROPERTIES SKIP_RETURN_CODE 77)

# A rank with limits that are too low.
locum_test_program(limits ${CMAKE_DL_LIBS})
foreach(scarce threads address_space)
  locum_test_entry(limits.${scarce}.one_node 2
    ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 2 $<TARGET_FILE:limits_tests> ${scarce} 0)
endforeach()
if(LOCUM_WITH_UCX)
  foreach(scarce threads descriptors address_space)
    locum_test_entry(limits.${scarce}.nodes_of_1 2
      ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 2 $<TARGET_FILE:limits_tests> ${scarce} 1)
  endforeach()
endif()

# A node whose ranks die one after the other.
if(LOCUM_WITH_UCX)
  locum_test_program(lost_node)
  locum_test_entry(lost_node 4 bash "${CMAKE_CURRENT_SOURCE_DIR}/lost_node.sh"
    ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 4 $<TARGET_FILE:lost_node_tests>)
  set_tests_properties(lost_node PROPERTIES SKIP_RETURN_CODE 77)
endif()

# Ranks that die while all open a runtime.
locum_test_program(opening_death)
locum_test_entry(opening_death 4 ${CMAKE_COMMAND} -E env "LOCUM_TEST_WITH_UCX=$<$<BOOL:${LOCUM_WITH_UCX}>:1>"
  bash "${CMAKE_CURRENT_SOURCE_DIR}/opening_death.sh" 2026 8
  ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 4 $<TARGET_FILE:opening_death_tests>)
set_tests_properties(opening_death PROPERTIES SKIP_RETURN_CODE 77)
