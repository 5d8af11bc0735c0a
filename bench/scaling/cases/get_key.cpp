// Each rank gets objects by key: of its own node, or of another one.

#include "bench/scaling/cases/makers.hpp"
#include "bench/scaling/cases/reading.hpp"

namespace scaling {

namespace {

class GetKeyCase final : public ReadingCase {
 public:
  using ReadingCase::ReadingCase;

 private:
  [[nodiscard]] Ticket make(int /*reader*/, std::size_t /*number*/) override {
    return {.key = scene_.store.put_bytes(source_).value(), .handle = {}};
  }
  void read(const Ticket& ticket, std::size_t /*number*/, std::uint64_t expected) override {
    const auto view = scene_.store.get_bytes(ticket.key).value();
    check(*view, expected);
  }
};

}  // namespace

std::unique_ptr<Case> make_get_node(const Scene& scene) {
  return std::make_unique<GetKeyCase>(scene, Partner::on_node);
}

std::unique_ptr<Case> make_get_remote(const Scene& scene) {
  return std::make_unique<GetKeyCase>(scene, Partner::other_node);
}

}  // namespace scaling
