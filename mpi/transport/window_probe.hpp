#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mpi/group.hpp"
#include "mpi/transport/window.hpp"

namespace locum::mpi {

enum class WindowReads : std::uint8_t {
  without_help,
  with_help,
  unfinished,  ///< some rank's read is still under way: the window must not be freed
};

/// Whether the ranks read each other's window without the other's help: each rank reads a page of one of a
/// neighbouring node, which makes no MPI call meanwhile. MPI's emulations of one-sided communication wait for
/// the owner to call MPI (MPICH over sockets), and then a message is as fast. The same answer on all ranks;
/// takes a third of a second. Collective over the group. `page`: of this rank's part of the window, at
/// `displacement`, of the same size on all ranks; written here.
[[nodiscard]] WindowReads try_reads(CommunicatorGroup& group, const Window& window, std::span<std::byte> page,
                                    std::size_t displacement);

}  // namespace locum::mpi
