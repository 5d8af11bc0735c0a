// Ranks in a ring: each gives both neighbours a face of its block, some times in a row. It puts each face
// under a name, and waits for the names of its neighbours; no message of the program's own is needed. The
// same by MPI_Sendrecv.

#include <algorithm>
#include <array>

#include "bench/scaling/cases/makers.hpp"
#include "bench/scaling/payload.hpp"

namespace scaling {

namespace {

class HaloCase final : public Case {
 public:
  explicit HaloCase(const Scene& scene)
      : scene_(scene),
        bytes_(scene.part_bytes()),
        steps_(std::clamp<std::size_t>(Scene::bytes_of_a_rank / bytes_, 1, 4)),
        left_((scene.rank() + scene.ranks() - 1) % scene.ranks()),
        right_((scene.rank() + 1) % scene.ranks()) {
    for (auto& face : out_) {
      face.resize(bytes_);
      Payload::fill(face, 0);
    }
    for (auto& face : in_) {
      face.resize(bytes_);
      Payload::fill(face, 0);
    }
  }

  void prepare(Side /*side*/, std::uint64_t repetition) override {
    repetition_ = repetition;
    for (const Way way : {to_left, to_right}) {
      if (scene_.check_all) {
        Payload::fill(out_[way], stamp(scene_.rank(), way));
      } else {
        Payload::restamp(out_[way], stamp(scene_.rank(), way));
      }
    }
  }
  void run(Side side) override {
    for (std::size_t step = 0; step < steps_; ++step) {
      if (side == Side::ours) {
        for (const Way way : {to_left, to_right}) {
          keys_.push_back(scene_.store.put_bytes(name(scene_.rank(), way, step), out_[way]).value());
        }
        take(left_, to_right, step);
        take(right_, to_left, step);
      } else {
        send_receive(left_, to_left, right_);
        send_receive(right_, to_right, left_);
      }
    }
  }
  void finish(Side /*side*/) override {
    for (const auto& evicted : scene_.store.evict_batch(keys_)) {
      (void)evicted.value();
    }
    keys_.clear();
  }
  [[nodiscard]] std::size_t operations() const override { return steps_; }
  [[nodiscard]] std::size_t all_operations() const override { return steps_; }
  [[nodiscard]] std::size_t all_bytes() const override {
    return 2 * steps_ * bytes_ * static_cast<std::size_t>(scene_.ranks());
  }

 private:
  enum Way { to_left, to_right };

  [[nodiscard]] std::uint64_t stamp(int from, Way way) const {
    return Payload::stamp(from, way + 1U, repetition_);
  }
  [[nodiscard]] std::string name(int from, Way way, std::size_t step) const {
    return "halo/" + std::to_string(from) + (way == to_left ? "/left/" : "/right/") + std::to_string(step);
  }
  void check(std::span<const std::byte> bytes, int from, Way way) const {
    Payload::check(bytes, bytes_, stamp(from, way), scene_.check_all);
  }
  void take(int from, Way way, std::size_t step) {
    const auto view = scene_.store.wait<std::byte[]>(name(from, way, step), scene_.limit).value();
    check(*view, from, way);
  }
  void send_receive(int to, Way way, int from) {
    const int bytes = static_cast<int>(bytes_);
    MPI_Sendrecv(out_[way].data(), bytes, MPI_BYTE, to, way, in_[way].data(), bytes, MPI_BYTE, from, way,
                 scene_.ranks_comm, MPI_STATUS_IGNORE);
    check(in_[way], from, way);
  }

  const Scene& scene_;
  const std::size_t bytes_;
  const std::size_t steps_;  ///< in a repetition
  const int left_;
  const int right_;
  std::array<std::vector<std::byte>, 2> out_;
  std::array<std::vector<std::byte>, 2> in_;
  std::vector<locum::Key> keys_;
  std::uint64_t repetition_ = 0;
};

}  // namespace

std::unique_ptr<Case> make_halo(const Scene& scene) {
  return std::make_unique<HaloCase>(scene);
}

}  // namespace scaling
