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

/// The ranks of a node as a communicator, or all ranks: among whom there is a window.
class WindowMembers {
 public:
  WindowMembers(const Scene& scene, Partner partner) : all_(scene.ranks_comm) {
    if (partner == Partner::on_node) {
      MPI_Comm_split(all_, scene.runtime.node(), scene.rank(), &node_);
    }
  }
  WindowMembers(const WindowMembers&) = delete;
  WindowMembers& operator=(const WindowMembers&) = delete;
  ~WindowMembers() {
    if (node_ != MPI_COMM_NULL) {
      MPI_Comm_free(&node_);
    }
  }
  [[nodiscard]] MPI_Comm get() const { return node_ != MPI_COMM_NULL ? node_ : all_; }

 private:
  MPI_Comm all_;
  MPI_Comm node_ = MPI_COMM_NULL;
};

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
        owner_(partners_.owner_for(scene.rank())),
        readers_(partners_.readers_of(scene.rank())),
        landing_(scene.bytes),
        members_(scene, partner),
        window_(members_.get(), scene.ranks_comm, scene.bytes * scene.operations()),
        owner_in_window_(partner == Partner::on_node ? partners_.place_on_node(owner_) : owner_),
        sent_(window_.refusal().empty() ? 0 : scene.bytes * scene.operations()) {
    Payload::fill(source_, 0);
  }

  void prepare(Side side, std::uint64_t repetition) override {
    const std::size_t count = operations();
    repetition_ = repetition;
    if (side == Side::twin) {
      for (std::size_t i = 0; i < count; ++i) {
        stamp(of_twin(i), stamp_of(scene_.rank(), i));
      }
      if (sent_.empty()) {
        window_.sync();
      }
      return;
    }
    made_.clear();
    for (const int reader : readers_) {
      for (std::size_t i = 0; i < count; ++i) {
        stamp(source_, stamp_of(scene_.rank(), i));
        made_.push_back(make(reader, i));
      }
    }
    tickets_.resize(count);
    std::vector<MPI_Request> requests(readers_.size() + 1);
    const int ticket_bytes = static_cast<int>(count * sizeof(Ticket));
    MPI_Irecv(tickets_.data(), ticket_bytes, MPI_BYTE, owner_, 0, scene_.ranks_comm, &requests.back());
    for (std::size_t reader = 0; reader < readers_.size(); ++reader) {
      MPI_Isend(made_.data() + reader * count, ticket_bytes, MPI_BYTE, readers_[reader], 0, scene_.ranks_comm,
                &requests[reader]);
    }
    MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
  }
  void run(Side side) override {
    if (side == Side::twin && !sent_.empty()) {
      send_and_receive();
      return;
    }
    for (std::size_t i = 0; i < operations(); ++i) {
      const std::uint64_t expected = stamp_of(owner_, i);
      if (side == Side::twin) {
        window_.get(owner_in_window_, i * scene_.bytes, landing_);
        check(landing_, expected);
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
  [[nodiscard]] std::string twin_note() const override {
    return window_.refusal().empty() ? "" : "twin: MPI_Isend, MPI_Recv; " + window_.refusal();
  }
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

  /// An object of the twin that others read from this rank.
  [[nodiscard]] std::span<std::byte> of_twin(std::size_t number) {
    const std::span<std::byte> all = sent_.empty() ? window_.mine() : std::span(sent_);
    return all.subspan(number * scene_.bytes, scene_.bytes);
  }
  void send_and_receive() {
    const int bytes = static_cast<int>(scene_.bytes);
    std::vector<MPI_Request> requests;
    for (const int reader : readers_) {
      for (std::size_t i = 0; i < operations(); ++i) {
        MPI_Isend(of_twin(i).data(), bytes, MPI_BYTE, reader, 1, scene_.ranks_comm, &requests.emplace_back());
      }
    }
    for (std::size_t i = 0; i < operations(); ++i) {
      MPI_Recv(landing_.data(), bytes, MPI_BYTE, owner_, 1, scene_.ranks_comm, MPI_STATUS_IGNORE);
      check(landing_, stamp_of(owner_, i));
    }
    MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
  }

  const int owner_;
  const std::vector<int> readers_;
  std::uint64_t repetition_ = 0;
  std::vector<Ticket> made_;
  std::vector<Ticket> tickets_;
  std::vector<std::byte> landing_;
  const WindowMembers members_;
  Window window_;
  const int owner_in_window_;
  std::vector<std::byte> sent_;  ///< what the twin sends; empty if it has a window
};

}  // namespace scaling
