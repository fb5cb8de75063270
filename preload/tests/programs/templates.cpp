// Much of the C++ library, for the compiler to work on.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N> struct Chain {
    std::map<std::string, std::vector<std::tuple<int, double, std::string>>> values;
    Chain<N - 1> next;
    std::size_t count() const { return values.size() + next.count(); }
};

template <> struct Chain<0> {
    std::size_t count() const { return 0; }
};

using Value = std::variant<int, double, std::string, std::vector<int>>;

std::string show(const std::vector<Value> &values) {
    std::ostringstream out;
    for (const auto &value : values) {
        std::visit([&](const auto &it) { out << sizeof it << ' '; }, value);
    }
    return std::regex_replace(out.str(), std::regex("[0-9]+"), "<$&>");
}

int main() {
    Chain<60> chain;
    std::unordered_map<std::string, std::function<int(int)>> calls;
    for (int i = 0; i < 100; i++) {
        calls[std::to_string(i)] = [i](int n) { return n * i; };
    }
    std::vector<std::shared_ptr<std::string>> texts;
    std::sort(texts.begin(), texts.end(), [](auto &a, auto &b) { return *a < *b; });
    std::cout << chain.count() << show({1, 2.0, std::string("x"), std::vector<int>{1}});
}
