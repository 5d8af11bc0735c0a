#pragma once

#include <mpi.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>

namespace shallow_water {

/// Which of the two programs of the job a rank runs.
enum class Role : int { simulation = 0, analysis = 1 };

/// Both programs give this to their Runtime; bytes of memory of each node.
constexpr std::uint64_t memory_bytes = 256U << 20U;
/// The stream by which they are coupled.
constexpr const char* stream_name = "shallow water";

/// The main of either program: initialises MPI, reads the command line, and runs `run` with the communicator
/// of the ranks that have this role. If the command line of one program is wrong, or one of the two programs
/// is missing, all ranks of the job end, and one says why. An exception ends the job. Returns the exit
/// status.
int run_program(int argc, char** argv, CLI::App& app, Role role, const std::function<int(MPI_Comm)>& run);

}  // namespace shallow_water
