#include <string>
#include <utility>

#include "transport/storage/wrappers/call_observer.hpp"
#include "transport/storage/wrappers/line_file.hpp"

namespace locum::storage {

namespace {

class Log final : public CallObserver {
 public:
  Log(std::shared_ptr<Backend> inner, LineFile file)
      : CallObserver(std::move(inner)), file_(std::move(file)) {}

 private:
  // A line that is lost is no reason to fail a call.
  Result<void> see(const SeenCall& seen) override {
    std::string line = "locum " + std::string(traits().scheme) + ": " + std::string(to_string(seen.call));
    line += " space=" + one_word(seen.space) + " name=" + one_word(seen.name);
    line += " bytes=" + std::to_string(seen.bytes) + " us=" + std::to_string(seen.time.count() / 1000);
    line += " outcome=" + std::string(outcome_of(seen));
    (void)file_.append(std::move(line));
    return {};
  }

  const LineFile file_;
};

}  // namespace

Result<std::shared_ptr<Backend>> logged(std::shared_ptr<Backend> inner, const std::string& file) {
  auto lines = LineFile::open(file);
  return lines ? Result<std::shared_ptr<Backend>>(std::make_shared<Log>(std::move(inner), std::move(*lines)))
               : lines.error();
}

}  // namespace locum::storage
