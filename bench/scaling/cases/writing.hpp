#pragma once

#include <cstddef>
#include <cstdint>
#include <locum/locum.hpp>
#include <string>
#include <vector>

#include "bench/scaling/case.hpp"
#include "bench/scaling/payload.hpp"
#include "bench/scaling/window.hpp"

namespace scaling {

/// What the cases have in common in which each rank stores objects on its node: the twin stores them in this
/// rank's part of a window.
class WritingCase : public Case {
 public:
  explicit WritingCase(const Scene& scene)
      : scene_(scene),
        source_(scene.bytes),
        window_(MPI_COMM_SELF, scene.ranks_comm, scene.bytes * scene.operations()) {
    Payload::fill(source_, 0);
  }

  void prepare(Side /*side*/, std::uint64_t repetition) override {
    keys_.reserve(operations());
    stamp_ = Payload::stamp(scene_.rank(), 0, repetition);
    if (scene_.check_all) {
      Payload::fill(source_, stamp_);
    } else {
      Payload::restamp(source_, stamp_);
    }
  }
  void finish(Side side) override {
    if (side == Side::twin) {
      Payload::check(window_.mine().first(scene_.bytes), scene_.bytes, stamp_, scene_.check_all);
      return;
    }
    for (const locum::Key& key : keys_) {
      const auto view = scene_.store.get_bytes(key).value();
      Payload::check(*view, scene_.bytes, stamp_, scene_.check_all);
    }
    for (const auto& evicted : scene_.store.evict_batch(keys_)) {
      (void)evicted.value();
    }
    keys_.clear();
  }
  [[nodiscard]] std::string no_twin() const override { return window_.refusal(); }
  [[nodiscard]] std::size_t operations() const override { return scene_.operations(); }
  [[nodiscard]] std::size_t all_operations() const override {
    return operations() * static_cast<std::size_t>(scene_.ranks());
  }
  [[nodiscard]] std::size_t all_bytes() const override { return all_operations() * scene_.bytes; }

 protected:
  const Scene& scene_;
  std::vector<std::byte> source_;
  std::uint64_t stamp_ = 0;
  std::vector<locum::Key> keys_;
  Window window_;
};

}  // namespace scaling
