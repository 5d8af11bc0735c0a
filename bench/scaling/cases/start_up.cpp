// A runtime of all ranks is opened and closed. Beside it MPI duplicates a communicator, meets on it and frees
// it.

#include "bench/scaling/cases/makers.hpp"

namespace scaling {

namespace {

class StartUpCase final : public Case {
 public:
  explicit StartUpCase(const Scene& scene) : scene_(scene) {}

  void prepare(Side /*side*/, std::uint64_t /*repetition*/) override {}
  void run(Side side) override {
    if (side == Side::ours) {
      locum::Runtime runtime(scene_.ranks_comm, {.memory_bytes = std::uint64_t{64} << 20U});
    } else {
      MPI_Comm duplicate = MPI_COMM_NULL;
      MPI_Comm_dup(scene_.ranks_comm, &duplicate);
      MPI_Barrier(duplicate);
      MPI_Comm_free(&duplicate);
    }
  }
  void finish(Side /*side*/) override {}
  [[nodiscard]] std::size_t operations() const override { return 1; }
  [[nodiscard]] std::size_t all_operations() const override { return 1; }
  [[nodiscard]] std::size_t all_bytes() const override { return 0; }

 private:
  const Scene& scene_;
};

}  // namespace

std::unique_ptr<Case> make_start_up(const Scene& scene) {
  return std::make_unique<StartUpCase>(scene);
}

}  // namespace scaling
