// Rank 0 puts an object and sends its key to all ranks, which read it. The same by MPI_Bcast of the bytes.

#include <array>

#include "bench/scaling/cases/makers.hpp"
#include "bench/scaling/payload.hpp"

namespace scaling {

namespace {

class BroadcastCase final : public Case {
 public:
  explicit BroadcastCase(const Scene& scene) : scene_(scene), bytes_(scene.bytes) {
    Payload::fill(bytes_, 0);
  }

  void prepare(Side side, std::uint64_t repetition) override {
    stamp_ = Payload::stamp(0, 1, repetition);
    if (scene_.rank() == 0 || side == Side::twin) {
      const std::uint64_t mine = scene_.rank() == 0 ? stamp_ : ~stamp_;
      if (scene_.check_all) {
        Payload::fill(bytes_, mine);
      } else {
        Payload::restamp(bytes_, mine);
      }
    }
  }
  void run(Side side) override {
    if (side == Side::twin) {
      MPI_Bcast(bytes_.data(), static_cast<int>(bytes_.size()), MPI_BYTE, 0, scene_.ranks_comm);
      Payload::check(bytes_, scene_.bytes, stamp_, scene_.check_all);
      return;
    }
    if (scene_.rank() == 0) {
      key_ = scene_.store.put_bytes(bytes_).value();
    }
    MPI_Bcast(&key_, sizeof key_, MPI_BYTE, 0, scene_.ranks_comm);
    const auto view = scene_.store.get_bytes(key_).value();
    Payload::check(*view, scene_.bytes, stamp_, scene_.check_all);
  }
  void finish(Side side) override {
    if (side == Side::ours && scene_.rank() == 0) {
      (void)scene_.store.evict(key_).value();
    }
  }
  [[nodiscard]] std::string no_twin() const override {
    return scene_.ranks() == 1 ? "a single rank sends no messages" : "";
  }
  [[nodiscard]] std::size_t operations() const override { return 1; }
  [[nodiscard]] std::size_t all_operations() const override { return 1; }
  [[nodiscard]] std::size_t all_bytes() const override {
    return scene_.bytes * static_cast<std::size_t>(scene_.ranks());
  }

 private:
  const Scene& scene_;
  std::vector<std::byte> bytes_;
  locum::Key key_;
  std::uint64_t stamp_ = 0;
};

}  // namespace

std::unique_ptr<Case> make_broadcast(const Scene& scene) {
  return std::make_unique<BroadcastCase>(scene);
}

}  // namespace scaling
