#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <locum/locum.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "bench/scaling/case.hpp"
#include "bench/scaling/partners.hpp"
#include "bench/scaling/payload.hpp"
#include "bench/scaling/window.hpp"

namespace scaling {

/// What a reader needs to find an object, besides its number.
struct Ticket {
  locum::Key key;
  locum::Handle handle;
};
static_assert(std::is_trivially_copyable_v<Ticket>);

/// What the cases have in common in which each rank reads objects of another one. They are new in each
/// repetition, since a node keeps copies of what it has read. The twin reads them out of the owner's part of
/// a window; it copies them, where a store of the same node shows them in place. The reader looks at the
/// first and the last word.
class ReadingCase : public Case {
 public:
  ReadingCase(const Scene& scene, Partner partner)
      : scene_(scene),
        partners_(scene.node_of, partner),
        source_(scene.bytes),
        landing_(scene.bytes),
        window_(scene.ranks_comm, scene.bytes * scene.operations()) {
    Payload::fill(source_, 0);
  }

  void prepare(Side side, std::uint64_t repetition) override {
    const std::size_t count = operations();
    const int owner = partners_.owner_for(scene_.rank());
    repetition_ = repetition;
    if (side == Side::twin) {
      for (std::size_t i = 0; i < count; ++i) {
        stamp(window_.mine().subspan(i * scene_.bytes, scene_.bytes), stamp_of(scene_.rank(), i));
      }
      window_.sync();
      return;
    }
    const std::vector<int> readers = partners_.readers_of(scene_.rank());
    made_.clear();
    for (const int reader : readers) {
      for (std::size_t i = 0; i < count; ++i) {
        stamp(source_, stamp_of(scene_.rank(), i));
        made_.push_back(make(reader, i));
      }
    }
    tickets_.resize(count);
    std::vector<MPI_Request> requests(readers.size() + 1);
    const int ticket_bytes = static_cast<int>(count * sizeof(Ticket));
    MPI_Irecv(tickets_.data(), ticket_bytes, MPI_BYTE, owner, 0, scene_.ranks_comm, &requests.back());
    for (std::size_t reader = 0; reader < readers.size(); ++reader) {
      MPI_Isend(made_.data() + reader * count, ticket_bytes, MPI_BYTE, readers[reader], 0, scene_.ranks_comm,
                &requests[reader]);
    }
    MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
  }
  void run(Side side) override {
    const int owner = partners_.owner_for(scene_.rank());
    for (std::size_t i = 0; i < operations(); ++i) {
      const std::uint64_t expected = stamp_of(owner, i);
      if (side == Side::twin) {
        window_.get(owner, i * scene_.bytes, landing_);
        Payload::check(landing_, scene_.bytes, expected, scene_.check_all);
      } else {
        read(tickets_[i], i, expected);
      }
    }
  }
  void finish(Side side) override {
    if (side == Side::ours) {
      std::vector<locum::Key> keys;
      for (const Ticket& ticket : made_) {
        keys.push_back(ticket.key);
      }
      for (const auto& evicted : scene_.store.evict_batch(keys)) {
        (void)evicted.value();
      }
    }
  }
  [[nodiscard]] std::string no_twin() const override { return window_.refusal(); }
  [[nodiscard]] std::size_t operations() const override { return scene_.operations(); }
  [[nodiscard]] std::size_t all_operations() const override {
    return operations() * static_cast<std::size_t>(scene_.ranks());
  }
  [[nodiscard]] std::size_t all_bytes() const override { return all_operations() * scene_.bytes; }

 protected:
  /// Stores `source_` for a reader. Not timed.
  [[nodiscard]] virtual Ticket make(int reader, std::size_t number) = 0;
  /// Reads an object, and calls check(). Timed.
  virtual void read(const Ticket& ticket, std::size_t number, std::uint64_t expected) = 0;

  void check(std::span<const std::byte> bytes, std::uint64_t expected) const {
    Payload::check(bytes, scene_.bytes, expected, scene_.check_all);
  }

  const Scene& scene_;
  const Partners partners_;
  std::vector<std::byte> source_;

 private:
  [[nodiscard]] std::uint64_t stamp_of(int owner, std::size_t number) const {
    return Payload::stamp(owner, number, repetition_);
  }
  void stamp(std::span<std::byte> bytes, std::uint64_t with) const {
    if (scene_.check_all) {
      Payload::fill(bytes, with);
    } else {
      Payload::restamp(bytes, with);
    }
  }

  std::uint64_t repetition_ = 0;
  std::vector<Ticket> made_;
  std::vector<Ticket> tickets_;
  std::vector<std::byte> landing_;
  Window window_;
};

}  // namespace scaling
