#pragma once

#include <mpi.h>

#include <array>
#include <span>
#include <vector>

#include "jobs/gray_scott/decomposition.hpp"
#include "jobs/mpi_owner.hpp"

namespace gray_scott {

/// Fills the ghost layers of a block from the six neighbours, for both species in one message a face.
///
/// The buffer holds two fields one after the other, each of (nz + 2) x (ny + 2) x (nx + 2) values. Faces are
/// described by derived datatypes and the messages are persistent, so a channel is one Startall and one
/// Waitall. Edges and corners of the ghost layers are not filled: a 7-point stencil does not read them.
/// The buffers must outlive the object. One thread at a time.
class Halo {
 public:
  /// Collective over `cartesian`, which has three periodic dimensions. Each of `buffers` can be exchanged.
  Halo(MPI_Comm cartesian, const Extents& extents, std::span<double* const> buffers);

  /// Collective over the communicator; returns when all six faces of that buffer are there.
  void exchange(std::size_t buffer);

 private:
  std::vector<jobs::Datatype> faces_;
  std::vector<jobs::PersistentRequest> owned_;
  std::vector<std::vector<MPI_Request>> requests_;  ///< by buffer; the same requests, as MPI wants them
};

}  // namespace gray_scott
