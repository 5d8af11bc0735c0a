// Each rank gives every rank a piece of its part: it puts the pieces, sends the keys by MPI_Alltoall, and
// gets what is for it. The same by MPI_Alltoall of the bytes.

#include "bench/scaling/cases/makers.hpp"
#include "bench/scaling/payload.hpp"

namespace scaling {

namespace {

class ShuffleCase final : public Case {
 public:
  explicit ShuffleCase(const Scene& scene)
      : scene_(scene),
        ranks_(static_cast<std::size_t>(scene.ranks())),
        piece_(std::max(Payload::word_bytes,
                        scene.part_bytes() / ranks_ / Payload::word_bytes * Payload::word_bytes)),
        out_(piece_ * ranks_),
        in_(piece_ * ranks_),
        keys_(ranks_),
        received_(ranks_) {
    Payload::fill(out_, 0);
    Payload::fill(in_, 0);
  }

  void prepare(Side /*side*/, std::uint64_t repetition) override {
    repetition_ = repetition;
    for (std::size_t to = 0; to < ranks_; ++to) {
      if (scene_.check_all) {
        Payload::fill(piece(out_, to), stamp(scene_.rank(), to));
      } else {
        Payload::restamp(piece(out_, to), stamp(scene_.rank(), to));
      }
    }
  }
  void run(Side side) override {
    if (side == Side::twin) {
      const int bytes = static_cast<int>(piece_);
      MPI_Alltoall(out_.data(), bytes, MPI_BYTE, in_.data(), bytes, MPI_BYTE, scene_.ranks_comm);
      for (std::size_t from = 0; from < ranks_; ++from) {
        check(piece(in_, from), from);
      }
      return;
    }
    for (std::size_t to = 0; to < ranks_; ++to) {
      keys_[to] = scene_.store.put_bytes(piece(out_, to)).value();
    }
    MPI_Alltoall(keys_.data(), sizeof(locum::Key), MPI_BYTE, received_.data(), sizeof(locum::Key), MPI_BYTE,
                 scene_.ranks_comm);
    const auto views = scene_.store.get_batch<std::byte[]>(received_);
    for (std::size_t from = 0; from < ranks_; ++from) {
      check(views[from].value().span(), from);
    }
  }
  void finish(Side side) override {
    if (side == Side::ours) {
      for (const auto& evicted : scene_.store.evict_batch(keys_)) {
        (void)evicted.value();
      }
    }
  }
  [[nodiscard]] std::size_t operations() const override { return 1; }
  [[nodiscard]] std::size_t all_operations() const override { return 1; }
  [[nodiscard]] std::size_t all_bytes() const override { return piece_ * ranks_ * ranks_; }

 private:
  [[nodiscard]] std::uint64_t stamp(int from, std::size_t to) const {
    return Payload::stamp(from, to + 1, repetition_);
  }
  [[nodiscard]] std::span<std::byte> piece(std::vector<std::byte>& of, std::size_t number) const {
    return std::span(of).subspan(number * piece_, piece_);
  }
  void check(std::span<const std::byte> bytes, std::size_t from) const {
    Payload::check(bytes, piece_, stamp(static_cast<int>(from), static_cast<std::size_t>(scene_.rank())),
                   scene_.check_all);
  }

  const Scene& scene_;
  const std::size_t ranks_;
  const std::size_t piece_;
  std::vector<std::byte> out_;
  std::vector<std::byte> in_;
  std::vector<locum::Key> keys_;
  std::vector<locum::Key> received_;
  std::uint64_t repetition_ = 0;
};

}  // namespace

std::unique_ptr<Case> make_shuffle(const Scene& scene) {
  return std::make_unique<ShuffleCase>(scene);
}

}  // namespace scaling
