// Each rank puts objects without names: one copy each into the memory of its node.

#include "bench/scaling/cases/makers.hpp"
#include "bench/scaling/cases/writing.hpp"

namespace scaling {

namespace {

class PutCase final : public WritingCase {
 public:
  explicit PutCase(const Scene& scene) : WritingCase(scene) {}

  void run(Side side) override {
    for (std::size_t i = 0; i < operations(); ++i) {
      if (side == Side::ours) {
        keys_.push_back(scene_.store.put_bytes(source_).value());
      } else {
        window_.put(0, i * scene_.bytes, source_);
      }
    }
  }
};

}  // namespace

std::unique_ptr<Case> make_put(const Scene& scene) {
  return std::make_unique<PutCase>(scene);
}

}  // namespace scaling
