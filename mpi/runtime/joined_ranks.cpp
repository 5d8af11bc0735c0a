#include "mpi/runtime/joined_ranks.hpp"

#include <string>

#include "core/value/error.hpp"
#include "core/value/wait_notice.hpp"
#include "mpi/error.hpp"

namespace locum {

mpi::Communicator joined_ranks(MPI_Comm ranks, mpi::Moment until, const JoinedRanksOptions& options) {
  const auto own_rank = [&] {
    int rank = 0;
    mpi::check(MPI_Comm_rank(ranks, &rank), "MPI_Comm_rank");
    return rank;
  };
  WaitNotice notice;
  const auto still_waits = [&] {
    notice.waits(options.log, options.rank ? *options.rank : own_rank(), Deadline::Clock::now(),
                 [&] { return Error(Errc::timeout, std::string(options.why)); });
  };
  try {
    return mpi::Communicator::duplicate(ranks, until, options.lost, still_waits);
  } catch (const Error& error) {
    if (error.code() != Errc::timeout) {
      throw;
    }
    throw Error(Errc::timeout, std::string(options.why), error.text());
  }
}

}  // namespace locum
