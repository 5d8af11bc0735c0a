// The protocol of a library without HDF5: every call says so.
#include "core/value/errors.hpp"
#include "mpi/checkpoint/background.hpp"
#include "mpi/checkpoint/protocol.hpp"

namespace locum {

namespace {

[[noreturn]] void refuse() {
  throw no_hdf5("write and read checkpoints");
}

}  // namespace

std::unique_ptr<BackgroundCheckpoints> BackgroundCheckpoints::make(std::chrono::milliseconds /*patience*/) {
  refuse();
}

std::shared_ptr<EarlierCheckpoints> earlier_checkpoints() {
  return nullptr;
}

CheckpointReport write_checkpoint(const CheckpointJob& /*job*/, const CheckpointOptions& /*options*/) {
  refuse();
}
CheckpointReport read_checkpoint(const CheckpointJob& /*job*/, const RestoreOptions& /*options*/) {
  refuse();
}
CheckpointReport read_latest_checkpoint(const CheckpointJob& /*job*/, const RestoreOptions& /*options*/) {
  refuse();
}

}  // namespace locum
