// Stands in for https://js.tosspayments.com/v2/standard. Same calls, same redirects, no money.
(function () {
  "use strict";
  var origin = new URL(document.currentScript.src).origin;
  // Client keys, each with the currency of its contract.
  var paymentKeys = __PAYMENT_KEYS__;
  var widgetKeys = __WIDGET_KEYS__;
  var decimals = { KRW: 0, USD: 2, JPY: 0 };
  var isPhone = /Mobi|Android|iPhone|iPad/.test(navigator.userAgent);

  // Method of a payment, what a widget calls it, what a buyer reads, a word about it, and whose contracts have it.
  var choices = __METHODS__;

  function failure(code, message) {
    var error = new Error(message);
    error.code = code;
    return error;
  }

  function isWebAddress(text) {
    try {
      var protocol = new URL(text).protocol;
      return protocol === "http:" || protocol === "https:";
    } catch (_) {
      return false;
    }
  }

  function isPromise(request) {
    return !request.successUrl && !request.failUrl;
  }

  function urlObjection(request) {
    if (!isWebAddress(request.successUrl)) {
      return failure("INCORRECT_SUCCESS_URL_FORMAT", "잘못된 successUrl 입니다.");
    }
    if (!isWebAddress(request.failUrl)) {
      return failure("INCORRECT_FAIL_URL_FORMAT", "잘못된 failUrl 입니다.");
    }
    return null;
  }

  function currencyOf(clientKey) {
    return paymentKeys[clientKey] || widgetKeys[clientKey];
  }

  function choicesIn(currency) {
    return choices.filter(function (choice) { return choice.currencies.indexOf(currency) >= 0; });
  }

  function amountObjection(amount, currency) {
    if (!amount || typeof amount.value !== "number" || !isFinite(amount.value)) {
      return failure("INVALID_AMOUNT_VALUE", "금액이 올바르지 않습니다.");
    }
    if (amount.value <= 0) {
      return failure("BELOW_ZERO_AMOUNT", "금액은 0보다 커야 합니다.");
    }
    if ((amount.currency || "KRW") !== currency) {
      return failure("INVALID_AMOUNT_CURRENCY", "잘못된 통화 값입니다.");
    }
    var isExact = Number(amount.value.toFixed(decimals[currency])) === amount.value;
    return isExact ? null : failure("INVALID_AMOUNT_VALUE", "금액이 올바르지 않습니다.");
  }

  function metadataObjection(metadata) {
    var pairs = Object.entries(metadata || {});
    var isShort = pairs.length <= 5 && pairs.every(function (pair) {
      return pair[0].length <= 40 && !/[[\]]/.test(pair[0]) && typeof pair[1] === "string" && pair[1].length <= 2000;
    });
    return isShort ? null : failure("INVALID_METADATA", "metadata가 올바르지 않습니다.");
  }

  function objection(request, currency, isWidget) {
    var known = choicesIn(currency).some(function (choice) {
      return choice.method === request.method && (isWidget || choice.method !== "EASY_PAY");
    });
    if (!known) {
      return failure("NOT_SUPPORTED_METHOD", "지원되지 않는 결제수단입니다.");
    }
    var wrongAmount = amountObjection(request.amount, currency);
    if (wrongAmount) {
      return wrongAmount;
    }
    if (typeof request.orderId !== "string" || !/^[A-Za-z0-9_=-]{6,64}$/.test(request.orderId)) {
      return failure("INVALID_ORDER_ID", "`orderId`는 6자 이상 64자 이하여야 합니다.");
    }
    if (typeof request.orderName !== "string" || !request.orderName || Array.from(request.orderName).length > 100) {
      return failure("INVALID_ORDER_NAME", "주문 이름은 100자 이하여야 합니다.");
    }
    var wrongMetadata = metadataObjection(request.metadata);
    if (wrongMetadata) {
      return wrongMetadata;
    }
    if (isPromise(request)) {
      return isPhone ? failure("NOT_SUPPORTED_PROMISE", "모바일에서는 successUrl과 failUrl이 필요합니다.") : null;
    }
    return urlObjection(request);
  }

  function keyObjection(clientKey, wanted, others, othersCode) {
    if (/^(test|live)_g?sk_/.test(clientKey)) {
      return failure("INSECURE_KEY_USAGE", "시크릿 키는 브라우저에서 사용할 수 없습니다.");
    }
    if (others[clientKey]) {
      return failure(othersCode, "이 키로는 사용할 수 없는 기능입니다.");
    }
    return wanted[clientKey] ? null : failure("INVALID_CLIENT_KEY", "잘못된 클라이언트 연동 정보 입니다.");
  }

  // What the address of a window says by itself, or what is not the simulator's business.
  var saidElsewhere = [
    "method", "amount", "orderId", "orderName", "customerName", "successUrl", "failUrl", "windowTarget", "pendingUrl"
  ];

  function wishes(request) {
    var rest = Object.assign({}, request);
    saidElsewhere.forEach(function (name) { delete rest[name]; });
    return JSON.stringify(rest);
  }

  function address(path, clientKey, customerKey, request, isFramed) {
    var amount = request.amount || {};
    var query = new URLSearchParams({
      clientKey: clientKey,
      customerKey: customerKey || "",
      method: request.method,
      amount: amount.value === undefined ? "" : String(amount.value),
      currency: amount.currency || "KRW",
      orderId: request.orderId || "",
      orderName: request.orderName || "",
      customerName: request.customerName || "",
      successUrl: request.successUrl || "",
      failUrl: request.failUrl || "",
      opener: isFramed ? window.location.origin : "",
      wishes: wishes(request)
    });
    return origin + path + "?" + query.toString();
  }

  // The window in a frame over the shop's page; it tells how it ended in one message.
  function openFrame(url) {
    var frame = document.createElement("iframe");
    frame.title = "결제창";
    frame.id = "__tosspayments_frame__";
    frame.src = url;
    frame.style.cssText = "position:fixed;inset:0;width:100%;height:100%;border:0;z-index:2147483647;background:rgba(0,0,0,.45)";
    var abort;
    var ended = new Promise(function (resolve, reject) {
      function listen(event) {
        if (event.origin !== origin || event.source !== frame.contentWindow || !event.data || event.data.from !== "toss-sim") {
          return;
        }
        done();
        if (event.data.success) {
          resolve(event.data.success);
        } else {
          reject(failure(event.data.failure.code, event.data.failure.message));
        }
      }
      function done() {
        window.removeEventListener("message", listen);
        frame.remove();
      }
      abort = function () {
        done();
        reject(failure("PAYMENT_REQUEST_ABORTED", "결제 요청이 중단되었습니다."));
      };
      window.addEventListener("message", listen);
    });
    document.body.appendChild(frame);
    return { ended: ended, abort: abort };
  }

  function leave(url, pairs) {
    var target = new URL(url);
    Object.keys(pairs).forEach(function (name) { target.searchParams.append(name, pairs[name]); });
    window.location.assign(target.toString());
    // The page is about to go away, as with the real script: nothing ever settles this.
    return new Promise(function () {});
  }

  // Opens a window. `state` remembers the one that is open: there is never a second. `pairs` makes what the way back
  // says of a success.
  function open(path, clientKey, customerKey, request, state, pairs) {
    if (state.open) {
      return Promise.reject(failure("INVALID_METHOD_TRANSACTION", "이미 결제가 진행 중입니다."));
    }
    var isFramed = isPromise(request) || (request.windowTarget === "iframe" && !isPhone);
    var url = address(path, clientKey, customerKey, request, isFramed);
    if (!isFramed) {
      window.location.assign(url);
      return new Promise(function () {});
    }
    state.open = openFrame(url);
    return state.open.ended.then(
      function (done) {
        state.open = null;
        return isPromise(request) ? done : leave(request.successUrl, pairs(done));
      },
      function (error) {
        state.open = null;
        if (isPromise(request) || error.code === "PAYMENT_REQUEST_ABORTED") {
          throw error;
        }
        var isClosed = error.code === "USER_CANCEL";
        var told = { code: isClosed ? "PAY_PROCESS_CANCELED" : error.code, message: error.message };
        var hasOrder = !isClosed && request.orderId;
        return leave(request.failUrl, hasOrder ? Object.assign(told, { orderId: request.orderId }) : told);
      }
    );
  }

  function openPayment(clientKey, customerKey, request, state) {
    var refused = objection(request, currencyOf(clientKey), clientKey in widgetKeys);
    if (refused) {
      return Promise.reject(refused);
    }
    return open("/_window/open", clientKey, customerKey, request, state, function (paid) {
      var amount = String(paid.amount.value);
      return { paymentType: "NORMAL", orderId: paid.orderId, paymentKey: paid.paymentKey, amount: amount };
    });
  }

  function openBilling(clientKey, customerKey, request, state) {
    var isKnown = request.method === "CARD" || request.method === "TRANSFER";
    var isNamed = customerKey !== TossPayments.ANONYMOUS && /^[A-Za-z0-9_=.@-]{2,50}$/.test(customerKey || "");
    var refused = (isKnown ? null : failure("NOT_SUPPORTED_METHOD", "지원되지 않는 결제수단입니다.")) ||
      (isNamed ? null : failure("INVALID_CUSTOMER_KEY", "잘못된 customerKey 입니다.")) ||
      urlObjection(request);
    if (refused) {
      return Promise.reject(refused);
    }
    return open("/_window/billing/open", clientKey, customerKey, request, state, function (agreed) { return agreed; });
  }

  function payment(clientKey, customerKey) {
    var state = { open: null };
    function guarded(openIt) {
      return function (request) {
        var refused = keyObjection(clientKey, paymentKeys, widgetKeys, "NOT_SUPPORTED_WIDGET_KEY");
        return refused ? Promise.reject(refused) : openIt(clientKey, customerKey, request || {}, state);
      };
    }
    return {
      requestPayment: guarded(openPayment),
      requestBillingAuth: guarded(openBilling),
      destroy: function () {
        if (!state.open) {
          return Promise.reject(failure("NO_ACTIVE_PAYMENT_REQUEST", "진행 중인 결제 요청이 없습니다."));
        }
        state.open.abort();
        return Promise.resolve();
      }
    };
  }

  // What the real script has and this one has not.
  function absent(name) {
    return function () {
      return Promise.reject(failure("NOT_SIMULATED", "toss-sim(시뮬레이터)은 " + name + "을(를) 흉내 내지 않습니다."));
    };
  }

  function brandpay() {
    var calls = ["requestPayment", "changePassword", "addPaymentMethod", "openSettings", "changeOneTouchPay",
      "isOneTouchPayEnabled", "requestBillingAuth"];
    return Object.fromEntries(calls.map(function (name) { return [name, absent("brandpay." + name)]; }));
  }

  // A widget in a shadow tree: the shop's style does not reach into it, nor its style out.
  function render(selector, className) {
    var host = document.querySelector(selector);
    if (!host) {
      return null;
    }
    var box = document.createElement("div");
    var root = box.attachShadow({ mode: "open" });
    var style = document.createElement("style");
    style.textContent = __WIDGET_STYLE__;
    var body = document.createElement("div");
    body.className = className;
    root.append(style, body);
    host.replaceChildren(box);
    return { box: box, body: body };
  }

  function row(type, name, value, isChecked, label, hint) {
    var line = document.createElement("label");
    var input = document.createElement("input");
    var text = document.createElement("span");
    var small = document.createElement("small");
    Object.assign(input, { type: type, name: name, value: value, checked: isChecked });
    text.textContent = label;
    small.textContent = hint;
    text.append(small);
    line.append(input, text);
    return { line: line, input: input };
  }

  function listenTo(listeners, name, wanted, callback) {
    if (name !== wanted) {
      throw failure("INVALID_EVENT_PARAMETER", "알 수 없는 이벤트입니다: " + name);
    }
    listeners.push(callback);
  }

  function methodsWidget(selector, choices, forget) {
    var view = render(selector, "methods");
    if (!view) {
      return null;
    }
    var listeners = [];
    var selected = choices[0];
    choices.forEach(function (choice) {
      var made = row("radio", "method", choice.code, choice === selected, choice.label, choice.hint);
      made.input.addEventListener("change", function () {
        selected = choice;
        listeners.forEach(function (listener) { listener({ code: choice.code }); });
      });
      view.body.append(made.line);
    });
    return {
      method: function () { return selected.method; },
      shown: {
        on: function (name, callback) { listenTo(listeners, name, "paymentMethodSelect", callback); },
        getSelectedPaymentMethod: function () { return Promise.resolve({ code: selected.code }); },
        destroy: function () { view.box.remove(); forget(); return Promise.resolve(); }
      }
    };
  }

  function agreementWidget(selector, forget) {
    var view = render(selector, "agreement");
    if (!view) {
      return null;
    }
    var listeners = [];
    var made = row("checkbox", "agreement", "required", true, "[필수] 결제 서비스 이용 약관에 동의합니다", "테스트 결제: 실제 약관이 아닙니다");
    made.input.addEventListener("change", function () {
      var agreed = made.input.checked;
      var status = { agreedRequiredTerms: agreed, agreements: [{ term: { id: "test-terms", required: true }, agreed: agreed }] };
      listeners.forEach(function (listener) { listener(status); });
    });
    view.body.append(made.line);
    return {
      agreed: function () { return made.input.checked; },
      shown: {
        on: function (name, callback) { listenTo(listeners, name, "agreementStatusChange", callback); },
        destroy: function () { view.box.remove(); forget(); return Promise.resolve(); }
      }
    };
  }

  function widgets(clientKey, customerKey) {
    var state = { open: null };
    var amount = null, methods = null, agreement = null;
    function guard() {
      return keyObjection(clientKey, widgetKeys, paymentKeys, "INVALID_CLIENT_KEY");
    }
    function renderOnce(existing, make, alreadyCode, options) {
      var refused = guard() ||
        (amount ? null : failure("NOT_SETUP_AMOUNT", "setAmount를 먼저 호출해주세요.")) ||
        (existing ? failure(alreadyCode, "이미 렌더링된 위젯입니다.") : null);
      if (refused) {
        return { refused: refused };
      }
      var made = make((options || {}).selector);
      return made ? { made: made } : { refused: failure("INVALID_SELECTOR", "요소를 찾을 수 없습니다: " + (options || {}).selector) };
    }
    return {
      setAmount: function (value) {
        // Nothing may be set before there is anything to pay; it may not be asked for.
        var wrong = value && value.value === 0 ? null : amountObjection(value, currencyOf(clientKey));
        if (wrong) {
          return Promise.reject(wrong);
        }
        amount = { currency: value.currency || "KRW", value: value.value };
        return Promise.resolve();
      },
      renderPaymentMethods: function (options) {
        var make = function (selector) { 
          return methodsWidget(selector, choicesIn(currencyOf(clientKey)), function () { methods = null; });
        };
        var result = renderOnce(methods, make, "PAYMENT_METHODS_WIDGET_ALREADY_RENDERED", options);
        methods = result.made || methods;
        return result.refused ? Promise.reject(result.refused) : Promise.resolve(result.made.shown);
      },
      renderAgreement: function (options) {
        var make = function (selector) { return agreementWidget(selector, function () { agreement = null; }); };
        var result = renderOnce(agreement, make, "AGREEMENT_WIDGET_ALREADY_RENDERED", options);
        agreement = result.made || agreement;
        return result.refused ? Promise.reject(result.refused) : Promise.resolve(result.made.shown);
      },
      renderPaymentWindow: absent("renderPaymentWindow"),
      requestPaymentWindow: absent("requestPaymentWindow"),
      requestPayment: function (request) {
        var refused = guard() ||
          (amount ? null : failure("NOT_SETUP_AMOUNT", "setAmount를 먼저 호출해주세요.")) ||
          (methods ? null : failure("NOT_SELECTED_PAYMENT_METHOD", "결제수단을 선택해주세요.")) ||
          (!agreement || agreement.agreed() ? null : failure("NEED_AGREEMENT_WITH_REQUIRED_TERMS", "필수 약관에 동의해주세요."));
        if (refused) {
          return Promise.reject(refused);
        }
        var asked = Object.assign({}, request, { amount: amount, method: methods.method() });
        if (asked.method === "FOREIGN_EASY_PAY") {
          asked.foreignEasyPay = { provider: "PAYPAL" };
        }
        return openPayment(clientKey, customerKey, asked, state).then(function (paid) {
          return Object.assign({ paymentType: "NORMAL" }, paid);
        });
      }
    };
  }

  function TossPayments(clientKey) {
    return {
      payment: function (options) { return payment(clientKey, options && options.customerKey); },
      widgets: function (options) { return widgets(clientKey, options && options.customerKey); },
      brandpay: brandpay
    };
  }

  TossPayments.ANONYMOUS = "@@ANONYMOUS";
  window.TossPayments = TossPayments;
})();
