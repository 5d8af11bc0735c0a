// The protocol of a library without HDF5: every call says so.
#include "mpi/checkpoint/background.hpp"
#include "mpi/checkpoint/protocol.hpp"

namespace locum {

namespace {

[[noreturn]] void no_hdf5() {
  throw Error(Errc::unsupported,
              "this library was built without HDF5: build it with LOCUM_WITH_HDF5=ON for checkpoints");
}

}  // namespace

std::unique_ptr<BackgroundCheckpoints> BackgroundCheckpoints::make(std::chrono::milliseconds /*patience*/) {
  no_hdf5();
}

std::shared_ptr<EarlierCheckpoints> earlier_checkpoints() {
  return nullptr;
}

CheckpointReport write_checkpoint(const CheckpointJob& /*job*/, const CheckpointOptions& /*options*/) {
  no_hdf5();
}
CheckpointReport read_checkpoint(const CheckpointJob& /*job*/, const RestoreOptions& /*options*/) {
  no_hdf5();
}
CheckpointReport read_latest_checkpoint(const CheckpointJob& /*job*/, const RestoreOptions& /*options*/) {
  no_hdf5();
}

}  // namespace locum
