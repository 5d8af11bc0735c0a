#include "mpi/communicator.hpp"

#include <algorithm>
#include <climits>
#include <iterator>
#include <memory>
#include <string>

#include "core/value/error.hpp"
#include "mpi/error.hpp"

namespace locum::mpi {

namespace {

// Tag of the messages of a part's steps. No other messages use this private communicator.
constexpr int part_tag = 1;
// The same of messages of exchange(), and how long one call of MPI has them.
constexpr int exchange_tag = 2;
constexpr std::size_t most_exchanged = std::size_t{1} << 30U;

void free(MPI_Comm& communicator) noexcept {
  if (communicator != MPI_COMM_NULL && why_unusable() == nullptr) {
    warn(MPI_Comm_free(&communicator), "MPI_Comm_free");
  }
}

int checked_count(std::size_t bytes, std::string_view what) {
  if (bytes > INT_MAX) {
    throw Error(Errc::invalid_argument,
                std::string(what) + ": " + std::to_string(bytes) + " bytes are more than one MPI call takes");
  }
  return static_cast<int>(bytes);
}

}  // namespace

Communicator Communicator::duplicate(MPI_Comm parent, Moment moment, const LostRanks& lost,
                                     const StillWaits& still_waits) {
  int between_groups = 1;
  if (parent != MPI_COMM_NULL) {
    check(MPI_Comm_test_inter(parent, &between_groups), "MPI_Comm_test_inter");
  }
  if (between_groups != 0) {
    throw Error(Errc::invalid_argument,
                parent == MPI_COMM_NULL ? "the communicator is MPI_COMM_NULL; give one that this rank is in"
                                        : "the communicator is an intercommunicator; merge it first");
  }
  auto made = std::make_unique<MPI_Comm>(MPI_COMM_NULL);
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Comm_idup(parent, made.get(), &request), "MPI_Comm_idup");
  return Communicator(
      complete(std::move(made), {request}, moment, "duplicating the communicator", lost, still_waits));
}

Communicator::Communicator(MPI_Comm owned) : communicator_(owned) {
  try {
    check(MPI_Comm_set_errhandler(communicator_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(communicator_, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(communicator_, &size_), "MPI_Comm_size");
  } catch (...) {
    free(communicator_);
    throw;
  }
}

Communicator::Communicator(MPI_Comm shared, std::vector<int> part, int own)
    : communicator_(shared),
      rank_(static_cast<int>(std::find(part.begin(), part.end(), own) - part.begin())),
      size_(static_cast<int>(part.size())),
      part_(std::move(part)) {}

Communicator::Communicator(Communicator&& other) noexcept
    : communicator_(std::exchange(other.communicator_, MPI_COMM_NULL)),
      rank_(other.rank_),
      size_(other.size_),
      part_(std::move(other.part_)),
      broken_(other.broken_),
      lost_(std::move(other.lost_)) {}

Communicator& Communicator::operator=(Communicator&& other) noexcept {
  std::swap(communicator_, other.communicator_);
  std::swap(rank_, other.rank_);
  std::swap(size_, other.size_);
  std::swap(part_, other.part_);
  std::swap(broken_, other.broken_);
  std::swap(lost_, other.lost_);
  return *this;
}

Communicator::~Communicator() {
  // With a step unfinished, freeing would itself be an error: MPI still uses it. And MPI may wait
  // for all ranks here.
  if (part_.empty() && !broken_ && !(lost_ && !lost_().empty())) {
    free(communicator_);
  }
}

Communicator Communicator::part(std::vector<int> ranks) const {
  Communicator part(communicator_, std::move(ranks), rank_);
  part.lost_ = lost_;
  return part;
}

template <class Buffers, class Start>
Buffers Communicator::run(Buffers buffers, Start start, Moment moment, std::string_view what) {
  throw_if_lost(what, lost_);
  if (broken_) {
    throw Error(Errc::timeout,
                std::string(what) + ": an earlier collective step of these ranks failed; close the runtime");
  }
  auto kept = std::make_unique<Buffers>(std::move(buffers));
  std::vector<MPI_Request> requests;
  broken_ = true;  // until the step is complete
  try {
    start(*kept, requests);
  } catch (...) {
    keep_for_good(std::shared_ptr<Buffers>(std::move(kept)));  // some operations may have started
    throw;
  }
  Buffers result = complete(std::move(kept), std::move(requests), moment, what, lost_);
  broken_ = false;
  return result;
}

void Communicator::barrier(Moment moment, std::string_view what) {
  if (!part_.empty()) {
    (void)all_gather({}, moment, what);
    return;
  }
  struct Nothing {};
  run(
      Nothing{},
      [this](Nothing&, std::vector<MPI_Request>& requests) {
        check(MPI_Ibarrier(communicator_, &requests.emplace_back()), "MPI_Ibarrier");
      },
      moment, what);
}

std::vector<std::byte> Communicator::all_gather(std::span<const std::byte> mine, Moment moment,
                                                std::string_view what) {
  struct Buffers {
    std::vector<std::byte> mine;
    std::vector<std::byte> all;
  };
  const int count = checked_count(mine.size(), what);
  Buffers buffers{{mine.begin(), mine.end()},
                  std::vector<std::byte>(mine.size() * static_cast<std::size_t>(size_))};
  if (!part_.empty()) {
    std::ranges::copy(mine, buffers.all.begin() + static_cast<std::ptrdiff_t>(mine.size()) * rank_);
  }
  return run(
             std::move(buffers),
             [this, count](Buffers& kept, std::vector<MPI_Request>& requests) {
               if (part_.empty()) {
                 check(MPI_Iallgather(kept.mine.data(), count, MPI_BYTE, kept.all.data(), count, MPI_BYTE,
                                      communicator_, &requests.emplace_back()),
                       "MPI_Iallgather");
                 return;
               }
               for (int place = 0; place < size_; ++place) {
                 if (place != rank_) {
                   receive(kept.all.data() + static_cast<std::ptrdiff_t>(place) * count, count, place,
                           requests);
                   send(kept.mine.data(), count, place, requests);
                 }
               }
             },
             moment, what)
      .all;
}

std::vector<std::byte> Communicator::broadcast(std::vector<std::byte> bytes, int root, Moment moment,
                                               std::string_view what) {
  const int count = checked_count(bytes.size(), what);
  return run(
      std::move(bytes),
      [this, count, root](std::vector<std::byte>& kept, std::vector<MPI_Request>& requests) {
        if (part_.empty()) {
          check(MPI_Ibcast(kept.data(), count, MPI_BYTE, root, communicator_, &requests.emplace_back()),
                "MPI_Ibcast");
        } else if (rank_ != root) {
          receive(kept.data(), count, root, requests);
        } else {
          for (int place = 0; place < size_; ++place) {
            if (place != rank_) {
              send(kept.data(), count, place, requests);
            }
          }
        }
      },
      moment, what);
}

std::vector<std::uint64_t> Communicator::exchange_lengths(const Messages& messages, Moment moment,
                                                          std::string_view what) {
  struct Lengths {
    std::vector<std::uint64_t> to;
    std::vector<std::uint64_t> from;
  };
  Lengths lengths{{}, std::vector<std::uint64_t>(messages.size())};
  std::ranges::transform(messages, std::back_inserter(lengths.to), &std::vector<std::byte>::size);
  return run(
             std::move(lengths),
             [this](Lengths& kept, std::vector<MPI_Request>& requests) {
               check(MPI_Ialltoall(kept.to.data(), sizeof(std::uint64_t), MPI_BYTE, kept.from.data(),
                                   sizeof(std::uint64_t), MPI_BYTE, communicator_, &requests.emplace_back()),
                     "MPI_Ialltoall");
             },
             moment, what)
      .from;
}

Communicator::Messages Communicator::exchange(Messages messages, Messages received, Moment moment,
                                              std::string_view what) {
  struct Both {
    Messages to;
    Messages from;
  };
  Both all{std::move(messages), std::move(received)};
  const auto own = static_cast<std::size_t>(rank_);
  all.from[own] = std::move(all.to[own]);
  all.to[own].clear();
  const auto in_pieces = [](std::vector<std::byte>& message, auto call) {
    for (std::size_t at = 0; at < message.size(); at += most_exchanged) {
      call(message.data() + at, static_cast<int>(std::min(message.size() - at, most_exchanged)));
    }
  };
  return run(
             std::move(all),
             [&](Both& kept, std::vector<MPI_Request>& requests) {
               for (int other = 0; other < size_; ++other) {
                 if (other == rank_) {
                   continue;
                 }
                 const auto at = static_cast<std::size_t>(other);
                 in_pieces(kept.from[at], [&](std::byte* bytes, int count) {
                   check(MPI_Irecv(bytes, count, MPI_BYTE, other, exchange_tag, communicator_,
                                   &requests.emplace_back()),
                         "MPI_Irecv");
                 });
                 in_pieces(kept.to[at], [&](const std::byte* bytes, int count) {
                   check(MPI_Isend(bytes, count, MPI_BYTE, other, exchange_tag, communicator_,
                                   &requests.emplace_back()),
                         "MPI_Isend");
                 });
               }
             },
             moment, what)
      .from;
}

void Communicator::send(const std::byte* bytes, int count, int place, std::vector<MPI_Request>& requests) {
  check(MPI_Isend(bytes, count, MPI_BYTE, part_.at(static_cast<std::size_t>(place)), part_tag, communicator_,
                  &requests.emplace_back()),
        "MPI_Isend");
}

void Communicator::receive(std::byte* bytes, int count, int place, std::vector<MPI_Request>& requests) {
  check(MPI_Irecv(bytes, count, MPI_BYTE, part_.at(static_cast<std::size_t>(place)), part_tag, communicator_,
                  &requests.emplace_back()),
        "MPI_Irecv");
}

}  // namespace locum::mpi
