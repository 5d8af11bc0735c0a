// Each rank gets objects by name, which were put by a rank of another node, if there is one. The names are at
// home anywhere.

#include "bench/scaling/cases/makers.hpp"
#include "bench/scaling/cases/reading.hpp"

namespace scaling {

namespace {

class GetNameCase final : public ReadingCase {
 public:
  explicit GetNameCase(const Scene& scene) : ReadingCase(scene, Partner::other_node) {
    for (std::size_t i = 0; i < operations(); ++i) {
      names_.push_back(name_of(scene.rank(), i));
    }
  }

 private:
  [[nodiscard]] static std::string name_of(int reader, std::size_t number) {
    return "by name/" + std::to_string(reader) + '/' + std::to_string(number);
  }
  [[nodiscard]] Ticket make(int reader, std::size_t number) override {
    return {.key = scene_.store.put_bytes(name_of(reader, number), source_).value(), .handle = {}};
  }
  void read(const Ticket& /*ticket*/, std::size_t number, std::uint64_t expected) override {
    const auto view = scene_.store.get_bytes(names_[number]).value();
    check(*view, expected);
  }

  std::vector<std::string> names_;  ///< of the objects that this rank reads
};

}  // namespace

std::unique_ptr<Case> make_get_name(const Scene& scene) {
  return std::make_unique<GetNameCase>(scene);
}

}  // namespace scaling
