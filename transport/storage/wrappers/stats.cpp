#include <utility>

#include "transport/storage/wrappers/call_observer.hpp"

namespace locum::storage {

namespace {

class Stats final : public CallObserver {
 public:
  Stats(std::shared_ptr<Backend> inner, std::shared_ptr<BackendStatistics> statistics)
      : CallObserver(std::move(inner)), statistics_(std::move(statistics)) {}

 private:
  Result<void> see(const SeenCall& seen) override {
    statistics_->add(seen.call, seen.bytes, seen.time, seen.outcome);
    return {};
  }

  const std::shared_ptr<BackendStatistics> statistics_;
};

}  // namespace

std::shared_ptr<Backend> counted(std::shared_ptr<Backend> inner,
                                 std::shared_ptr<BackendStatistics> statistics) {
  return std::make_shared<Stats>(std::move(inner), std::move(statistics));
}

}  // namespace locum::storage
