#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "mpi/request.hpp"

namespace locum::mpi {

/// A private communicator on which MPI returns its errors, and the collective steps of set-up on all its
/// ranks or some. Move only; freed with its owner unless MPI is finalised by then or a rank is lost. Used by
/// one thread at a time, which must be allowed to call MPI. Nothing here calls an MPI function that blocks
/// until other ranks come: the death of one would block the others. Each step is collective and throws
/// `timeout`, naming `what`, when the moment passes, or `peer_lost` as soon as a rank is known to be dead;
/// the communicator then still holds the unfinished step and every further one throws at once. Therefore only
/// set-up and closing use it.
class Communicator {
 public:
  /// Collective over `parent`, which is not changed. Throws `invalid_argument` unless it is an
  /// intracommunicator. `lost` and `still_waits` are called again and again while it waits;
  /// the first is not watched further.
  [[nodiscard]] static Communicator duplicate(MPI_Comm parent, Moment moment, const LostRanks& lost = {},
                                              const StillWaits& still_waits = {});

  Communicator(Communicator&& other) noexcept;
  Communicator& operator=(Communicator&& other) noexcept;
  ~Communicator();

  /// The steps of some of the ranks, in this order, including this one; by messages between them, because MPI
  /// creates a communicator of some ranks only by blocking calls. Steps of parts that share a rank run one
  /// after the other. REQUIRES: it does not outlive this.
  [[nodiscard]] Communicator part(std::vector<int> ranks) const;

  [[nodiscard]] MPI_Comm raw() const noexcept { return communicator_; }
  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int size() const noexcept { return size_; }
  /// From now on steps fail when a rank is lost.
  void watch(LostRanks lost) { lost_ = std::move(lost); }
  /// What waits poll; may be empty.
  [[nodiscard]] const LostRanks& lost() const noexcept { return lost_; }
  /// Whether a step timed out or failed.
  [[nodiscard]] bool broken() const noexcept { return broken_; }

  void barrier(Moment moment, std::string_view what);
  /// The same number of bytes from each rank, in rank order; at most 2 GiB - 1 from each.
  [[nodiscard]] std::vector<std::byte> all_gather(std::span<const std::byte> mine, Moment moment,
                                                  std::string_view what);
  /// The bytes of rank `root`, on all ranks. REQUIRES: bytes.size() is the same on all ranks.
  [[nodiscard]] std::vector<std::byte> broadcast(std::vector<std::byte> bytes, int root, Moment moment,
                                                 std::string_view what);
  using Messages = std::vector<std::vector<std::byte>>;  ///< one for each rank, of any lengths
  /// How long the message is that each rank has for this one. REQUIRES: it is not a part(); exchange(), too.
  [[nodiscard]] std::vector<std::uint64_t> exchange_lengths(const Messages& messages, Moment moment,
                                                            std::string_view what);
  /// What each rank has for this one, in `received`. REQUIRES: that has those lengths.
  [[nodiscard]] Messages exchange(Messages messages, Messages received, Moment moment, std::string_view what);

 private:
  explicit Communicator(MPI_Comm owned);
  Communicator(MPI_Comm shared, std::vector<int> part, int own);

  void send(const std::byte* bytes, int count, int place, std::vector<MPI_Request>& requests);
  void receive(std::byte* bytes, int count, int place, std::vector<MPI_Request>& requests);
  /// `start` starts nonblocking operations on the buffers.
  template <class Buffers, class Start>
  Buffers run(Buffers buffers, Start start, Moment moment, std::string_view what);

  MPI_Comm communicator_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  std::vector<int> part_;  ///< in ranks of the communicator, which is not ours then; empty: all
  bool broken_ = false;
  LostRanks lost_;
};

}  // namespace locum::mpi
