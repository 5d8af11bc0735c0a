// Each rank writes objects in place, in memory of its node, and seals them: no copy.

#include "bench/scaling/cases/makers.hpp"
#include "bench/scaling/cases/writing.hpp"

namespace scaling {

namespace {

class CreateCase final : public WritingCase {
 public:
  explicit CreateCase(const Scene& scene) : WritingCase(scene) {}

  void run(Side side) override {
    for (std::size_t i = 0; i < operations(); ++i) {
      if (side == Side::ours) {
        auto writer = scene_.store.create<std::byte>({scene_.bytes}).value();
        Payload::fill(writer.span(), stamp_);
        keys_.push_back(writer.seal().value());
      } else {
        Payload::fill(window_.mine().subspan(i * scene_.bytes, scene_.bytes), stamp_);
        window_.sync();
      }
    }
  }
};

}  // namespace

std::unique_ptr<Case> make_create(const Scene& scene) {
  return std::make_unique<CreateCase>(scene);
}

}  // namespace scaling
