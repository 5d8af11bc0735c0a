#include "mpi/group.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/base/hash.hpp"
#include "core/rpc/packed_error.hpp"
#include "mpi/error.hpp"

namespace locum::mpi {

namespace {

/// The message of each rank to the others in an agreement.
struct Ballot {
  std::uint64_t step_hash = 0;
  std::uint64_t error_bytes = 0;  ///< 0: no error
  std::array<char, 112> step{};   ///< for the error text; cut if too long
};
static_assert(sizeof(Ballot) == 128);

Ballot fill_in(std::string_view step, std::uint64_t error_bytes) {
  Ballot ballot;
  ballot.step_hash = hash64(step);
  ballot.error_bytes = error_bytes;
  step.copy(ballot.step.data(), ballot.step.size() - 1);
  return ballot;
}

std::string step_of(const Ballot& ballot) {
  return {ballot.step.begin(), std::find(ballot.step.begin(), ballot.step.end(), '\0')};
}

// The error of ranks in different steps, or none.
std::optional<Error> find_strayed(const std::vector<Ballot>& ballots) {
  for (std::size_t rank = 1; rank < ballots.size(); ++rank) {
    if (ballots[rank].step_hash != ballots[0].step_hash) {
      return Error(Errc::invalid_argument,
                   "rank 0 is in \"" + step_of(ballots[0]) + "\" while rank " + std::to_string(rank) +
                       " is in \"" + step_of(ballots[rank]) +
                       "\"; collective calls must come in the same order on all ranks")
          .at_rank(static_cast<int>(rank));
    }
  }
  return std::nullopt;
}

}  // namespace

CommunicatorGroup::CommunicatorGroup(Communicator communicator, std::chrono::milliseconds timeout,
                                     int ranks_per_node, std::optional<Moment> shared)
    : communicator_(std::move(communicator)),
      timeout_(timeout),
      shared_(shared),
      topology_(find_topology(communicator_, ranks_per_node, moment())) {}

CommunicatorGroup CommunicatorGroup::of_node() {
  const std::vector<int>& nodes = topology_.node_of_rank;
  std::vector<int> node_peers;
  for (int other = 0; other < size(); ++other) {
    if (nodes[static_cast<std::size_t>(other)] == nodes[static_cast<std::size_t>(rank())]) {
      node_peers.push_back(other);
    }
  }
  const std::size_t ranks = node_peers.size();
  return {communicator_.part(std::move(node_peers)), timeout_,
          Topology{std::vector<int>(ranks, 0), 1, static_cast<int>(ranks)}, shared_};
}

void CommunicatorGroup::barrier() {
  communicator_.barrier(moment(), "waiting for all ranks");
}

std::vector<std::byte> CommunicatorGroup::all_gather(std::span<const std::byte> mine) {
  return communicator_.all_gather(mine, moment(), "exchanging set-up data among the ranks");
}

std::optional<Error> CommunicatorGroup::agree(const std::optional<Error>& mine) {
  return agree(mine, "agreeing whether all ranks succeeded", Deadline{});
}

std::optional<Error> CommunicatorGroup::agree(const std::optional<Error>& mine, std::string_view step,
                                              Deadline deadline) {
  const Moment moment = moment_of(deadline);
  std::vector<std::byte> packed = mine ? pack(*mine) : std::vector<std::byte>{};
  const Ballot ballot = fill_in(step, packed.size());
  const auto ballots =
      values_of<Ballot>(communicator_.all_gather(std::as_bytes(std::span(&ballot, 1)), moment, step));
  if (std::optional<Error> strayed = find_strayed(ballots)) {
    return strayed;
  }
  for (int failed = 0; failed < size(); ++failed) {
    const std::uint64_t error_bytes = ballots[static_cast<std::size_t>(failed)].error_bytes;
    if (error_bytes != 0) {
      packed.resize(std::min<std::uint64_t>(error_bytes, most_packed_bytes));
      return unpack(communicator_.broadcast(std::move(packed), failed, moment, step), failed);
    }
  }
  return std::nullopt;
}

std::vector<std::byte> CommunicatorGroup::broadcast(std::vector<std::byte> bytes, int root,
                                                    std::string_view what) {
  const Moment until = moment();
  std::uint64_t size_bytes = bytes.size();
  std::vector<std::byte> head(sizeof size_bytes);
  std::memcpy(head.data(), &size_bytes, sizeof size_bytes);
  head = communicator_.broadcast(std::move(head), root, until, what);
  std::memcpy(&size_bytes, head.data(), sizeof size_bytes);
  bytes.resize(size_bytes);
  return communicator_.broadcast(std::move(bytes), root, until, what);
}

std::vector<std::vector<std::byte>> CommunicatorGroup::exchange(std::vector<std::vector<std::byte>> messages,
                                                                std::string_view what, Deadline deadline) {
  const Moment moment = moment_of(deadline);
  const auto lengths = communicator_.exchange_lengths(messages, moment, what);
  Communicator::Messages received;
  const auto no_room = error_of([&] {
    for (const std::uint64_t bytes : lengths) {
      received.emplace_back(bytes);
    }
  });
  throw_if(agree(no_room, what, deadline));
  return communicator_.exchange(std::move(messages), std::move(received), moment, what);
}

}  // namespace locum::mpi
