// Each rank makes stand-ins of handles that it has received, and resolves them. The objects are on another
// node, if there is one.

#include "bench/scaling/cases/makers.hpp"
#include "bench/scaling/cases/reading.hpp"

namespace scaling {

namespace {

class ResolveCase final : public ReadingCase {
 public:
  explicit ResolveCase(const Scene& scene) : ReadingCase(scene, Partner::other_node) {}

 private:
  [[nodiscard]] Ticket make(int /*reader*/, std::size_t /*number*/) override {
    const auto stand_in = scene_.store.put_proxy(source_, {.populate = false}).value();
    return {.key = stand_in.handle().key, .handle = stand_in.handle()};
  }
  void read(const Ticket& ticket, std::size_t /*number*/, std::uint64_t expected) override {
    const auto stand_in = scene_.runtime.proxy<std::byte[]>(ticket.handle);
    const auto view = stand_in.get().value();
    check(*view, expected);
  }
};

}  // namespace

std::unique_ptr<Case> make_resolve(const Scene& scene) {
  return std::make_unique<ResolveCase>(scene);
}

}  // namespace scaling
