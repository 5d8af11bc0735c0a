#include "mpi/checkpoint/protocol.hpp"

#include "mpi/checkpoint/read_before_checkpoint.hpp"
#include "mpi/checkpoint/writing.hpp"
#include "mpi/error.hpp"

namespace locum {

CheckpointReport write_checkpoint(const CheckpointJob& job, const CheckpointOptions& options) {
  read_before_checkpoint(job, options);
  CheckpointWriting writing(job, options);
  const auto failed = job.group.agree(mpi::error_of([&] { writing.write(); }), writing.step(), job.until);
  if (failed) {
    writing.give_up();
    throw *failed;
  }
  mpi::throw_if(job.group.agree(mpi::error_of([&] { writing.publish(); }), writing.step(), job.until));
  writing.remember();
  return writing.report();
}

}  // namespace locum
