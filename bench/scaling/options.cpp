#include "bench/scaling/options.hpp"

#include "bench/scaling/case.hpp"

namespace scaling {

void Options::add_to(CLI::App& app) {
  constexpr std::uint64_t least = 8;
  constexpr std::uint64_t most = std::uint64_t{1} << 30U;
  std::vector<std::string> names;
  for (const CaseKind& kind : all_cases()) {
    names.emplace_back(kind.name);
  }
  const auto whole_words = [](const std::string& text) {
    return std::stoull(text) % least == 0 ? std::string() : "sizes are multiples of 8, not " + text;
  };
  app.add_option("--cases", cases, "Only these, separated by commas; --list shows all")
      ->delimiter(',')
      ->check(CLI::IsMember(names))
      ->option_text("NAME,...");
  app.add_option("--sizes", sizes, "Bytes of an object: 8 to 1Gi, multiples of 8 (default: 8,4Ki,1Mi)")
      ->delimiter(',')
      ->transform(CLI::AsSizeValue(true))
      ->check(CLI::Range(least, most))
      ->check(CLI::Validator(whole_words, ""))
      ->option_text("BYTES,...");
  app.add_option("--mode", mode,
                 "weak: the same work for each rank; strong: the same work for all ranks together; or both")
      ->check(CLI::IsMember({"weak", "strong", "both"}))
      ->option_text("MODE (weak)");
  app.add_option("--seconds", seconds, "How long each row is measured")
      ->check(CLI::Range(0.001, 3600.0))
      ->option_text("SECONDS (1)");
  app.add_option("--record", record_bytes, "Bytes of a record of YCSB: at least 24, a multiple of 8")
      ->transform(CLI::AsSizeValue(true))
      ->check(CLI::Range(std::uint64_t{24}, std::uint64_t{1} << 20U))
      ->check(CLI::Validator(whole_words, ""))
      ->option_text("BYTES (1000)");
  app.add_option("--memory", memory_bytes, "Memory of a node for objects (default: as the sizes need it)")
      ->transform(CLI::AsSizeValue(true))
      ->option_text("BYTES");
  app.add_option("--timeout", timeout, "The job ends with an error after that long without progress")
      ->check(CLI::Range(1.0, 86400.0))
      ->option_text("SECONDS (120)");
  app.add_option("--json", json, "Writes all figures into this file: bench/plot and bench/compare read it")
      ->option_text("FILE");
  app.add_flag("--list", list, "Prints the cases, and what each is compared with");
}

}  // namespace scaling
